#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# House rules that a machine can check: form, length, who includes whom, and
# that every header compiles alone.
set -u
cd "$(dirname "$0")/.." || exit 1
CC=${CC:-cc}
FORMAT=${FORMAT:-clang-format}
bad=0

complain() {
	echo "$*" >&2
	bad=1
}

sources=$(find bpf policy loader tests vmtest bench tools -name '*.[ch]' | sort)
headers=$(find policy loader tests vmtest bench tools -name '*.h' | sort)

# shellcheck disable=SC2086
"$FORMAT" --dry-run -Werror $sources || bad=1

# Files up to 500 lines; functions (opening brace in column 1) up to 60.
for f in $sources; do
	awk -v f="$f" '
	/^\{/ { start = NR }
	/^\}/ { if (start && NR - start - 1 > 60) {
			print f ":" start ": function of " NR - start - 1 \
				" lines"; bad = 1 }
		start = 0 }
	length($0) > 100 { print f ":" NR ": longer than 100 columns"; bad = 1 }
	END { if (NR > 500) { print f ": " NR " lines"; bad = 1 }
	      exit bad }' "$f" || bad=1
	head -n 1 "$f" | grep -q 'SPDX-License-Identifier' ||
		complain "$f: no SPDX line"
done

# may_include FOLDER PATTERN: our own headers that the folder may use.
may_include() {
	grep -rn --include='*.[ch]' '^#include "' "$1" |
		grep -v -E "#include \"($2)" >/tmp/lint.$$ &&
		cat /tmp/lint.$$ >&2 &&
		complain "$1: may include only $2"
	rm -f /tmp/lint.$$
}
may_include bpf 'bpf/|vmlinux\.h'
may_include policy 'policy/|bpf/(abi|decide)\.h'
may_include loader 'loader/|policy/|bpf/|[a-z]+\.skel\.h'
may_include bench 'bench/|loader/|policy/|bpf/|vmlinux\.h'
may_include vmtest 'vmtest/'
may_include tools 'policy/'

for h in $headers; do
	echo "#include \"$h\"" | $CC -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra \
		-Werror -fsyntax-only -x c - || complain "$h: not alone"
done

exit $bad
