import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Asks the system for the addresses of a host. It may block for as long as the system's resolver pleases.
enum AddressLookup {
    /// The addresses of a host for TCP, in the system's order.
    ///
    /// - Parameters:
    ///   - numeric: whether the host can only be an address in numbers, which never blocks.
    /// - Returns: the addresses, at least one; or the system's error code.
    static func addresses(of host: String, port: Int, numeric: Bool) -> Result<[SocketAddress], Failure> {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Darwin) || canImport(Musl)
        hints.ai_socktype = SOCK_STREAM
        #else
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        #endif
        hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &first)
        guard code == 0 else { return .failure(Failure(code: code, systemError: errno)) }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var next = first
        while let info = next {
            next = info.pointee.ai_next
            guard let address = SocketAddress(info.pointee.ai_addr, length: info.pointee.ai_addrlen) else { continue }
            addresses.append(address)
        }
        return addresses.isEmpty ? .failure(Failure(code: EAI_NONAME, systemError: 0)) : .success(addresses)
    }

    /// Why a host has no addresses.
    struct Failure: Error, CustomStringConvertible {
        let code: CInt
        let systemError: CInt

        var description: String {
            code == EAI_SYSTEM ? String(cString: strerror(systemError)) : String(cString: gai_strerror(code))
        }
    }
}
