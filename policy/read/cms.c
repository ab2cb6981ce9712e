/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed messages (CMS, RFC 5652); the only file that knows OpenSSL. */

/*
 * First the form: one whole message, of the type that is wanted, with content
 * and signers in it. Then each signer by itself: is there a certificate, are
 * digest and key strong enough. Only then the signatures are verified, all of
 * them, and only then what was signed is looked at: OpenSSL hands out content
 * as it goes, also of a message that turns out to be forged.
 *
 * OpenSSL's own idea of whom to trust is not used. It would ask for e-mail
 * certificates, which no MDM server has, and its authorities vouch for names,
 * not for the right to configure this host. That right is the pins': a signer
 * is known by its public key, in the host file.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "policy/read/arena.h"
#include "policy/read/ber.h"
#include "policy/read/cleanup.h"
#include "policy/read/cms.h"
#include "policy/read/report.h"
#include "policy/read/scalar.h"
#include "policy/read/signature.h"

#define CERTIFICATES_MAX 16
#define RSA_BITS_MIN	 2048
#define RSA_BITS_MAX	 8192 /* longer ones are there to cost time */
#define NAME_SIZE	 128

POLICY_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free)
POLICY_CLEANUP(BIO, BIO_free_all)
POLICY_CLEANUP(X509_STORE, X509_STORE_free)
POLICY_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free)

struct message {
	const struct reader *reader;
	const struct signature_policy *policy;
	CMS_ContentInfo *cms;
	int64_t now; /* or when the policy says that it is */
	bool refused;
	int error; /* -ENOMEM */
};

/* W213 leaves the message good. */
__attribute__((format(printf, 3, 4))) static void
complain(struct message *m, const char *code, const char *format, ...)
{
	const struct place place = { .file = m->reader->file, .path = "" };
	va_list args;
	int r;

	va_start(args, format);
	r = report_addv(m->reader->report, code, &place, NULL, format, args);
	va_end(args);
	if (r < 0)
		m->error = r;
	if (code[0] == 'E')
		m->refused = true;
}

/* ---- the form ---------------------------------------------------------- */

static bool check_whole(struct message *m, const void *bytes, size_t len)
{
	size_t at = 0;
	int r = ber_check(bytes, len, &at);

	if (r == -E2BIG)
		complain(m, "E200", "more than %d ASN.1 elements",
			 BER_ELEMENTS);
	else if (r < 0)
		complain(m, "E200", "malformed ASN.1 at offset %zu", at);
	else if (at != len)
		complain(m, "E201", "%zu bytes after the signed message",
			 len - at);
	return !m->refused;
}

static void object_name(const ASN1_OBJECT *object, char name[NAME_SIZE])
{
	OBJ_obj2txt(name, NAME_SIZE, object, 0);
}

static void check_content(struct message *m)
{
	const ASN1_OBJECT *type = CMS_get0_eContentType(m->cms);
	ASN1_OCTET_STRING **content = CMS_get0_content(m->cms);
	char name[NAME_SIZE];

	if (!type || OBJ_obj2nid(type) != NID_pkcs7_data) {
		object_name(type, name);
		complain(m, "E202", "the signed content is %s, expected data",
			 name);
	}
	if (!content || !*content)
		complain(m, "E203",
			 "detached signature: no content in the message");
}

static void check_counts(struct message *m)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(m->cms);
	STACK_OF(X509) *certificates = CMS_get1_certs(m->cms);
	int n = signers ? sk_CMS_SignerInfo_num(signers) : 0;

	if (n < 1)
		complain(m, "E204", "no signers");
	if (n > SIGNERS_MAX)
		complain(m, "E204", "%d signers, limit is %d", n, SIGNERS_MAX);
	if (certificates && sk_X509_num(certificates) > CERTIFICATES_MAX)
		complain(m, "E208", "%d certificates, limit is %d",
			 sk_X509_num(certificates), CERTIFICATES_MAX);
	sk_X509_pop_free(certificates, X509_free);
}

static CMS_ContentInfo *read_form(struct message *m, const void *bytes,
				  size_t len)
{
	CMS_ContentInfo *cms _cleanup_(policy_CMS_ContentInfo_free_p) = NULL;
	const unsigned char *p = bytes;
	char name[NAME_SIZE];

	if (!check_whole(m, bytes, len))
		return NULL;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	if (!cms) {
		complain(m, "E200", "malformed ASN.1: no CMS message");
		return NULL;
	}
	if (p != (const unsigned char *)bytes + len) {
		complain(m, "E201", "bytes after the signed message");
		return NULL;
	}
	if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed) {
		object_name(CMS_get0_type(cms), name);
		complain(m, "E202", "the message is %s, expected signedData",
			 name);
		return NULL;
	}
	m->cms = cms;
	check_content(m);
	check_counts(m);
	return TAKE_PTR(cms);
}

/* ---- one signer -------------------------------------------------------- */

/* The common name, for people; "" when there is none. */
static void common_name(X509 *certificate, char name[NAME_SIZE])
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	int i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;

	name[0] = '\0';
	if (i < 0)
		return;
	if (ASN1_STRING_to_UTF8(&text,
				X509_NAME_ENTRY_get_data(
					X509_NAME_get_entry(subject, i))) < 0)
		return;
	snprintf(name, NAME_SIZE, "%s", (const char *)text);
	OPENSSL_free(text);
}

static bool is_good_digest(const struct message *m, int digest)
{
	return digest == NID_sha256 || digest == NID_sha384 ||
	       digest == NID_sha512 ||
	       (digest == NID_sha1 && m->policy->allow_sha1);
}

static void check_digest(struct message *m, const X509_ALGOR *digest,
			 const X509_ALGOR *signature, const char *who)
{
	const ASN1_OBJECT *object = NULL;
	int named = NID_undef, nid;
	char name[NAME_SIZE];

	X509_ALGOR_get0(&object, NULL, NULL, digest);
	nid = OBJ_obj2nid(object);
	if (!is_good_digest(m, nid)) {
		object_name(object, name);
		complain(m, "E210",
			 "digest %s of signer \"CN=%s\" is not "
			 "allowed",
			 name, who);
	}

	/* the signature's algorithm may name a digest, too: the same one */
	X509_ALGOR_get0(&object, NULL, NULL, signature);
	if (OBJ_find_sigid_algs(OBJ_obj2nid(object), &named, NULL) &&
	    named != NID_undef && named != nid)
		complain(m, "E210", "digests of signer \"CN=%s\" differ", who);
}

static bool is_good_curve(const EVP_PKEY *key)
{
	char group[64] = "";
	size_t n = 0;

	return EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
	       (strcmp(group, "prime256v1") == 0 ||
		strcmp(group, "secp384r1") == 0 ||
		strcmp(group, "secp521r1") == 0);
}

static void check_key(struct message *m, const EVP_PKEY *key, const char *who)
{
	int bits = key ? EVP_PKEY_get_bits(key) : 0;

	switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
			complain(m, "E210",
				 "RSA key of %d bits of signer "
				 "\"CN=%s\"; %d to %d are accepted",
				 bits, who, RSA_BITS_MIN, RSA_BITS_MAX);
		break;
	case EVP_PKEY_EC:
		if (!is_good_curve(key))
			complain(m, "E210",
				 "key of signer \"CN=%s\" is on no "
				 "curve that is accepted",
				 who);
		break;
	default:
		complain(m, "E210",
			 "key of signer \"CN=%s\" is of a type "
			 "that is not accepted",
			 who);
	}
}

/* With signed attributes the type of the content is signed as well. */
static void check_attributes(struct message *m, CMS_SignerInfo *info,
			     const char *who)
{
	const ASN1_OBJECT *type;

	if (CMS_signed_get_attr_count(info) < 0)
		return;
	type = CMS_signed_get0_data_by_OBJ(
		info, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
	if (!type || OBJ_obj2nid(type) != NID_pkcs7_data)
		complain(m, "E207",
			 "signer \"CN=%s\" signed another type of "
			 "content",
			 who);
}

static void check_signer(struct message *m, CMS_SignerInfo *info, int number)
{
	X509_ALGOR *digest = NULL, *signature = NULL;
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	char who[NAME_SIZE];

	CMS_SignerInfo_get0_algs(info, &key, &certificate, &digest, &signature);
	if (!certificate) {
		complain(m, "E208",
			 "certificate of signer %d is not in the message",
			 number + 1);
		return;
	}
	common_name(certificate, who);
	check_digest(m, digest, signature, who);
	check_key(m, X509_get0_pubkey(certificate), who);
	check_attributes(m, info, who);
}

static void check_signers(struct message *m)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(m->cms);

	CMS_set1_signers_certs(m->cms, NULL, 0);
	for (int i = 0; i < sk_CMS_SignerInfo_num(signers); i++)
		check_signer(m, sk_CMS_SignerInfo_value(signers, i), i);
}

/* ---- whom to trust ----------------------------------------------------- */

int cms_digest(const void *bytes, size_t len, unsigned char ret[CMS_DIGEST])
{
	return EVP_Digest(bytes, len, ret, NULL, EVP_sha256(), NULL) == 1 ?
		       0 :
		       -ENOMEM;
}

static int pin_of(X509 *certificate, struct pin *ret)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	int r = n < 0 ? -ENOMEM : cms_digest(der, (size_t)n, ret->bytes);

	OPENSSL_free(der);
	return r;
}

/*
 * Seconds since the epoch; false when it is no date. OpenSSL's own comparison
 * asks for the time zone, a file.
 */
static bool seconds_of(const ASN1_TIME *time, struct tm *ret_tm,
		       int64_t *ret_seconds)
{
	return ASN1_TIME_to_tm(time, ret_tm) == 1 &&
	       scalar_seconds(ret_tm, ret_seconds) == 0;
}

static void warn_expired(struct message *m, X509 *certificate, const char *who)
{
	struct tm tm = { 0 };
	int64_t end;

	if (!seconds_of(X509_get0_notAfter(certificate), &tm, &end))
		complain(m, "E209",
			 "certificate of signer \"CN=%s\" has no end", who);
	else if (end < m->now)
		complain(m, "W213",
			 "certificate of signer \"CN=%s\" expired on "
			 "%04d-%02d-%02d",
			 who, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* Its key is trusted: the certificate is its own anchor, whatever its age. */
static int verify_certificate(struct message *m, X509 *certificate)
{
	X509_STORE *store _cleanup_(policy_X509_STORE_free_p) =
		X509_STORE_new();
	X509_STORE_CTX *ctx _cleanup_(policy_X509_STORE_CTX_free_p) =
		X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	struct tm tm = { 0 };
	int64_t begin;

	if (!store || !ctx || X509_STORE_add_cert(store, certificate) != 1 ||
	    X509_STORE_CTX_init(ctx, store, certificate, NULL) != 1) {
		m->error = -ENOMEM;
		return X509_V_OK;
	}
	if (!seconds_of(X509_get0_notBefore(certificate), &tm, &begin) ||
	    begin > m->now)
		return X509_V_ERR_CERT_NOT_YET_VALID;
	if (!(X509_get_key_usage(certificate) &
	      (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return X509_V_ERR_INVALID_PURPOSE;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN |
						   X509_V_FLAG_NO_CHECK_TIME);
	X509_verify_cert(ctx);
	return X509_STORE_CTX_get_error(ctx);
}

static void check_certificate(struct message *m, X509 *certificate,
			      const char *who)
{
	int problem = verify_certificate(m, certificate);

	if (problem != X509_V_OK)
		complain(m, "E209", "certificate of signer \"CN=%s\": %s", who,
			 X509_verify_cert_error_string(problem));
}

static bool judge_signer(struct message *m, CMS_SignerInfo *info,
			 struct pin *ret_pin)
{
	X509 *certificate = NULL;
	char who[NAME_SIZE], pin[PIN_TEXT];
	int r;

	CMS_SignerInfo_get0_algs(info, NULL, &certificate, NULL, NULL);
	r = pin_of(certificate, ret_pin);
	if (r < 0) {
		m->error = r;
		return false;
	}
	common_name(certificate, who);
	warn_expired(m, certificate, who);
	if (!m->policy->n_pins)
		return true;
	if (signature_is_pinned(m->policy, ret_pin)) {
		check_certificate(m, certificate, who);
		return true;
	}
	pin_format(ret_pin, pin);
	complain(m, "W214", "signer \"CN=%s\" with key %s is not pinned", who,
		 pin);
	return false;
}

/* All of them have signed; with pins one of them must be pinned. */
static void judge_signers(struct message *m, struct signature *signature)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(m->cms);
	bool pinned = false;

	for (int i = 0; i < sk_CMS_SignerInfo_num(signers) && !m->error; i++)
		pinned |= judge_signer(m, sk_CMS_SignerInfo_value(signers, i),
				       &signature->signers[signature->n++]);
	if (!pinned && !m->error)
		complain(m, "E212",
			 "no signer is one of the %zu that the "
			 "policy requires",
			 m->policy->n_pins);
}

/* ---- the content ------------------------------------------------------- */

static bool verify(struct message *m, BIO *content)
{
	const unsigned int flags = CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY;
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(m->cms);
	int n = sk_CMS_SignerInfo_num(signers);
	X509 *certificate = NULL;
	char who[NAME_SIZE];

	if (CMS_verify(m->cms, NULL, NULL, NULL, content, flags) == 1)
		return true;
	CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(signers, 0), NULL,
				 &certificate, NULL, NULL);
	common_name(certificate, who);
	complain(m, "E207",
		 "signature of \"CN=%s\"%s does not match the content", who,
		 n > 1 ? " or of another signer" : "");
	return false;
}

static void take_content(struct message *m, BIO *content,
			 const void **ret_content, size_t *ret_len)
{
	char *bytes = NULL;
	size_t len = (size_t)BIO_get_mem_data(content, &bytes);
	const void *copy = arena_strndup(m->reader->arena, bytes, len);

	if (!copy) {
		m->error = -ENOMEM;
		return;
	}
	*ret_content = copy;
	*ret_len = len;
}

static void open_message(struct message *m, struct signature *ret_signature,
			 const void **ret_content, size_t *ret_len)
{
	BIO *content _cleanup_(policy_BIO_free_all_p) = BIO_new(BIO_s_mem());
	struct signature signature = { 0 };

	if (!content) {
		m->error = -ENOMEM;
		return;
	}
	check_signers(m);
	if (m->refused || m->error || !verify(m, content))
		return;
	judge_signers(m, &signature);
	if (m->refused || m->error)
		return;
	take_content(m, content, ret_content, ret_len);
	if (!m->error)
		*ret_signature = signature;
}

int cms_open(const struct reader *reader, const void *bytes, size_t len,
	     const struct signature_policy *policy,
	     struct signature *ret_signature, const void **ret_content,
	     size_t *ret_len)
{
	CMS_ContentInfo *cms _cleanup_(policy_CMS_ContentInfo_free_p) = NULL;
	struct message m = { .reader = reader, .policy = policy };

	m.now = policy->at_time ? policy->at_time : time(NULL);

	/* it would read a configuration file otherwise */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return -ENOMEM;
	cms = read_form(&m, bytes, len);
	if (cms && !m.refused && !m.error)
		open_message(&m, ret_signature, ret_content, ret_len);
	ERR_clear_error();
	if (m.error)
		return m.error;
	return m.refused ? -EBADMSG : 0;
}
