package import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Has a listener rest for a second that can take no connection, since the process has no more descriptors, say: a connection
/// that waits would otherwise be tried again at once, for ever. The first handler of a listener's channel.
///
/// NIO's own handler for that holds up the next read, but an accept that fails leaves the read pending that there is.
package final class AcceptPause: ChannelInboundHandler {
    package typealias InboundIn = any Channel

    private let failed: (IOError) -> Void

    /// - Parameter failed: told of each time.
    package init(_ failed: @escaping (IOError) -> Void) {
        self.failed = failed
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that has given up takes no place from the next one.
        guard let error = error as? IOError, error.errnoCode != ECONNABORTED else {
            return context.fireErrorCaught(error)
        }
        failed(error)
        let channel = context.channel
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.scheduleTask(in: .seconds(1)) { try channel.syncOptions?.setOption(.autoRead, value: true) }
    }
}
