internal import COpenSSL
import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What OpenSSL says went wrong: it keeps a queue of errors for each thread.
enum OpenSSLError {
    /// Empties the queue.
    /// - Returns: the reasons in it, outermost last, such as `no start line`; `no reason given` if it is empty.
    static func takeReasons() -> String {
        var reasons: [String] = []
        // The queue holds at most 16.
        while case let error = ERR_get_error(), error != 0 {
            let reason = text(error)
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        return reasons.isEmpty ? "no reason given" : reasons.joined(separator: ", ")
    }

    /// Whether the latest error is the one of the TLS protocol with this reason.
    static func isLatest(reason: Int32) -> Bool {
        let error = ERR_peek_last_error()
        return martlet_ERR_GET_LIB(error) == ERR_LIB_SSL && martlet_ERR_GET_REASON(error) == reason
    }

    /// An error that no option explains: there is no memory, or OpenSSL is not what it should be.
    static func unexpected(_ function: String) -> MessagingError {
        MessagingError(.unsupported, "OpenSSL: \(function) failed: \(takeReasons())")
    }

    private static func text(_ error: UInt) -> String {
        if let reason = ERR_reason_error_string(error) { return String(cString: reason) }
        if martlet_ERR_GET_LIB(error) == ERR_LIB_SYS { return systemText(martlet_ERR_GET_REASON(error)) }
        return "error \(String(error, radix: 16))"
    }

    /// What the system calls an error number.
    static func systemText(_ number: Int32) -> String {
        // `strerror` writes a number it doesn't know into memory that threads share.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, strerror_r(number, start, buffer.count) == 0 else {
                return "error \(number)"
            }
            return String(cString: start)
        }
    }
}
