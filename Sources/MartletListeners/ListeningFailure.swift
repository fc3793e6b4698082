package import Martlet
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension MessagingError {
    /// That a server can't listen somewhere, and why.
    package init(listeningOn place: String, failed error: any Error) {
        self.init(.notConnected, "can't listen on \(place): \(systemReason(of: error))")
    }
}

/// What the system says of an error, where it is one of the system's. SwiftNIO has a function before that, and a number behind.
func systemReason(of error: any Error) -> String {
    (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
}
