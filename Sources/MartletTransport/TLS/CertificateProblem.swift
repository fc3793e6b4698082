internal import COpenSSL
import Martlet

/// Why a certificate was refused, in words.
struct CertificateProblem: CustomStringConvertible {
    let description: String

    /// - Parameter store: the `X509_STORE_CTX` of a verification that has just failed.
    init(in store: OpaquePointer) {
        let error = X509_STORE_CTX_get_error(store)
        let isBrokers = X509_STORE_CTX_get_error_depth(store) == 0
        let certificate = X509_STORE_CTX_get_current_cert(store)
        let subject = isBrokers ? "the certificate" : "the certificate of an authority"
        let names = { certificate.map { CertificateNames.list(of: $0) } ?? "nothing" }

        let words =
            switch error {
            case X509_V_ERR_CERT_HAS_EXPIRED:
                "\(subject) has expired"
            case X509_V_ERR_CERT_NOT_YET_VALID:
                "\(subject) is not valid yet, by this machine's clock"
            case X509_V_ERR_HOSTNAME_MISMATCH:
                "the certificate is for another host name: \(names())"
            case X509_V_ERR_IP_ADDRESS_MISMATCH:
                "the certificate is for another address: \(names())"
            case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
                "the certificate is signed by itself, and is not trusted"
            case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
                X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
                "the certificate is signed by nobody that is trusted"
            case X509_V_ERR_INVALID_PURPOSE:
                "\(subject) is not meant for this purpose"
            default:
                "\(subject) was refused"
            }
        // Of OpenSSL's own table of texts, which is constant.
        let detail = X509_verify_cert_error_string(Int(error)).map { String(cString: $0) } ?? "error \(error)"
        description = "\(words) (OpenSSL: \(detail))"
    }
}
