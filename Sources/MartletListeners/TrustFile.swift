internal import COpenSSL
import Martlet
import NIOSSL

/// A file of authorities, as NIOSSL can use it.
package enum TrustFile {
    /// NIOSSL believes a certificate only if its chain ends at an authority that signs itself: with none of those in the file
    /// it would refuse all, and nobody would be told why.
    ///
    /// - Parameter option: what the file was given as.
    /// - Throws: `MessagingError.Code.invalidArgument` if that is so. What can't be read is not judged.
    package static func check(_ path: String, _ option: String) throws {
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else { return }
        guard try certificates.contains(where: { try signsItself($0.toDERBytes()) }) else {
            throw MessagingError(
                .invalidArgument,
                "\(option): the file \(quoted(path)) holds no authority that signs itself; the certificate of the root "
                    + "authority has to be there, too"
            )
        }
    }

    /// - Returns: `true` as well for what can't be judged.
    private static func signsItself(_ bytes: [UInt8]) -> Bool {
        let certificate = bytes.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            return d2i_X509(nil, &start, bytes.count)
        }
        guard let certificate else { return true }
        defer { X509_free(certificate) }
        return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0
    }
}
