import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A program that a test runs on a terminal of its own, a pseudo-terminal. It ends with this object at the latest.
package final class TerminalRun: Sendable {
    private let process: ChildProcess
    /// The side of the pseudo-terminal that a person would sit at.
    private let seat: Int32
    private let text = ScreenText()
    private let what: String

    /// Starts a program on a terminal.
    package init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        columns: Int = 100,
        rows: Int = 30
    ) throws {
        what = "\(program) \(arguments)"
        let name: String
        (seat, name) = try Self.pseudoTerminal()
        _ = fcntl(seat, F_SETFD, FD_CLOEXEC)
        _ = fcntl(seat, F_SETFL, O_NONBLOCK)
        var size = winsize()
        size.ws_col = UInt16(columns)
        size.ws_row = UInt16(rows)
        _ = ioctl(seat, UInt(TIOCSWINSZ), &size)
        let terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else {
            close(seat)
            throw ServerError("No pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        defer { close(terminal) }
        var spawn = Spawn(program: program, arguments: arguments)
        spawn.environment = Program.environment.merging(["TERM": "xterm"]) { $1 }.merging(environment) { $1 }
        spawn.input = terminal
        spawn.outputDescriptor = terminal
        do {
            process = try ChildProcess(spawn)
        } catch {
            close(seat)
            throw error
        }
    }

    deinit {
        process.kill()
        close(seat)
    }

    /// All that was written so far, with the sequences that a terminal obeys.
    package var written: String {
        read()
        return text.written
    }

    /// What is to be read on the terminal now, and what has scrolled off its top.
    package var screen: String {
        read()
        return text.lines.joined(separator: "\n")
    }

    /// Sends a signal to the program, unless it has ended.
    package func send(signal: Int32) { process.send(signal: signal) }

    /// Waits until a text can be read on the screen.
    ///
    /// - Throws: ``ServerError`` if the program ends before, or takes longer than `limit`; `CancellationError`.
    package func waitForScreen(_ wanted: String, limit: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            let end = process.end
            if screen.contains(wanted) { return }
            if let end { throw ServerError("\(what) \(end) without '\(wanted)':\n\(screen)") }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw ServerError("\(what) kept us waiting for '\(wanted)' longer than \(limit):\n\(screen)")
    }

    /// Waits for the program's end.
    @discardableResult
    package func waitForEnd(limit: Duration = .seconds(60)) async throws -> ProcessEnd {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            // A program that writes more than the terminal holds waits for its reader.
            read()
            if let end = process.end {
                read()
                return end
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw ServerError("\(what) did not end within \(limit):\n\(screen)")
    }

    private func read() {
        text.withLock { add in
            while true {
                let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 14) { buffer, count in
                    #if canImport(Darwin)
                    count = max(0, Darwin.read(seat, buffer.baseAddress, buffer.count))
                    #else
                    count = max(0, Glibc.read(seat, buffer.baseAddress, buffer.count))
                    #endif
                }
                if bytes.isEmpty { return }
                add(bytes)
            }
        }
    }

    /// A new pseudo-terminal: the side of a person, and the path of the side of the program.
    private static func pseudoTerminal() throws -> (seat: Int32, name: String) {
        let seat = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        func failure() -> ServerError {
            defer { if seat >= 0 { close(seat) } }
            return ServerError("No pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        guard seat >= 0 else { throw failure() }
        #if canImport(Darwin)
        guard grantpt(seat) == 0, unlockpt(seat) == 0, let name = ptsname(seat) else { throw failure() }
        return (seat, String(cString: name))
        #else
        // Glibc's functions for it are hidden from Swift; these are the two requests that they make (TIOCSPTLCK, TIOCGPTN).
        var isLocked: Int32 = 0
        var number: UInt32 = 0
        guard ioctl(seat, 0x4004_5431, &isLocked) == 0, ioctl(seat, 0x8004_5430, &number) == 0 else { throw failure() }
        return (seat, "/dev/pts/\(number)")
        #endif
    }
}
