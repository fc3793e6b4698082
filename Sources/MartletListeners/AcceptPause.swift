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
/// It says so as ``FaultLog`` has it.
package final class AcceptPause: ChannelInboundHandler {
    package typealias InboundIn = any Channel

    private let log: (_ text: String, _ reason: String, _ count: Int) -> Void
    private var failures = FaultLog()

    /// - Parameter log: told what is so, why, and how often it was since it was told last.
    package init(_ log: @escaping (_ text: String, _ reason: String, _ count: Int) -> Void) {
        self.log = log
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that has given up takes no place from the next one.
        guard let error = error as? IOError, error.errnoCode != ECONNABORTED else {
            return context.fireErrorCaught(error)
        }
        if let count = failures.note(at: .now) {
            let text = "connections wait to be taken: this process may have no more descriptors (see ulimit -n)"
            log(text, systemReason(of: error), count)
        }
        let channel = context.channel
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.scheduleTask(in: .seconds(1)) { try channel.syncOptions?.setOption(.autoRead, value: true) }
    }
}
