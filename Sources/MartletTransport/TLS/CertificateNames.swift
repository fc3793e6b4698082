internal import COpenSSL
import Martlet

/// Whom a certificate is for. It is what the other side has sent: all of it is shown as quoted text, and not much of it.
enum CertificateNames {
    private static let limit = 5

    /// The names and addresses of a certificate (`X509`), or its subject if it has none.
    static func list(of certificate: OpaquePointer) -> String {
        var names = alternativeNames(of: certificate)
        if names.isEmpty { names = subject(of: certificate).map { [$0] } ?? [] }
        if names.isEmpty { return "nothing" }
        return names.joined(separator: ", ")
    }

    private static func alternativeNames(of certificate: OpaquePointer) -> [String] {
        guard let found = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(found)
        defer { GENERAL_NAMES_free(names) }

        var texts: [String] = []
        // A stack of one kind is a stack; OpenSSL's typed functions are casts around these.
        let count = OPENSSL_sk_num(names)
        for index in 0..<max(0, min(count, 100)) {
            guard let name = OPENSSL_sk_value(names, index)?.assumingMemoryBound(to: GENERAL_NAME.self),
                let text = text(of: name)
            else { continue }
            if texts.count == limit { return texts + ["and more"] }
            texts.append(text)
        }
        return texts
    }

    private static func text(of name: UnsafePointer<GENERAL_NAME>) -> String? {
        var type: Int32 = 0
        guard let value = GENERAL_NAME_get0_value(name, &type) else { return nil }
        guard type == GEN_DNS || type == GEN_IPADD else { return nil }
        let bytes = bytes(of: OpaquePointer(value))
        return type == GEN_DNS ? quoted(String(decoding: bytes, as: UTF8.self)) : address(bytes)
    }

    /// An address as its numbers.
    private static func address(_ bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map { String($0) }.joined(separator: ".") }
        let groups = stride(from: 0, to: bytes.count - 1, by: 2).map { index in
            String(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }
        return bytes.count == 16 ? groups.joined(separator: ":") : "an address of \(bytes.count) bytes"
    }

    /// The last common name of the subject.
    private static func subject(of certificate: OpaquePointer) -> String? {
        guard let subject = X509_get_subject_name(certificate) else { return nil }
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, let entry = X509_NAME_get_entry(subject, index), let data = X509_NAME_ENTRY_get_data(entry)
        else { return nil }
        return quoted(String(decoding: bytes(of: OpaquePointer(data)), as: UTF8.self))
    }

    /// The bytes of a string of ASN.1, at most as many as a name has.
    private static func bytes(of string: OpaquePointer) -> [UInt8] {
        let string = UnsafePointer<ASN1_STRING>(string)
        guard let start = ASN1_STRING_get0_data(string) else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: max(0, min(Int(ASN1_STRING_length(string)), 255))))
    }
}
