@testable import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension EventLoop {
    /// On the loop's thread: has it find descriptors for its next pipe, or not.
    func simulate(descriptorsLeft: Bool) {
        precondition(isCurrent)
        body.openPipe = { descriptorsLeft ? WakeUpPipe.open() : nil }
    }

    /// What the system calls the loop's pipe, once it has one.
    func pipeNumber() async -> UInt64 {
        while true {
            let number: UInt64? = await run {
                guard let pipe = self.body.pipe else { return nil }
                var status = stat()
                return fstat(pipe.readEnd, &status) == 0 ? UInt64(status.st_ino) : nil
            }
            if let number { return number }
        }
    }
}
