// OpenSSL 3.0 for Swift, which does not see macros: each function here is one of them, under the macro's name after
// `martlet_`.

#ifndef MARTLET_COPENSSL_SHIM_H
#define MARTLET_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline int martlet_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

// No compression (a secret beside chosen text can be guessed from its length), no renegotiation.
static inline void martlet_SSL_CTX_set_safe_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
}

// A write may take part of what it is given and go on from another place in memory; idle connections keep no buffers.
static inline void martlet_SSL_CTX_set_stream_mode(SSL_CTX *context) {
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

static inline int martlet_SSL_CTX_get_ex_new_index(CRYPTO_EX_free *release) {
    return SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, release);
}

// A null name takes away the one that is set.
static inline int martlet_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// A name as RFC 2253 has it, but with letters of other languages as they are.
static inline unsigned long martlet_XN_FLAG_RFC2253(void) { return XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB; }

static inline int martlet_ERR_GET_LIB(unsigned long error) { return ERR_GET_LIB(error); }
static inline int martlet_ERR_GET_REASON(unsigned long error) { return ERR_GET_REASON(error); }

static inline void martlet_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void martlet_BIO_set_retry_write(BIO *bio) { BIO_set_retry_write(bio); }
static inline void martlet_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline int martlet_BIO_type_descriptor(void) { return BIO_get_new_index() | BIO_TYPE_SOURCE_SINK; }

#endif
