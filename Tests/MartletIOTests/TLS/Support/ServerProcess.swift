import Foundation

/// `openssl s_server` on a free port of this machine. It sends back each line that it gets, the wrong way round. It is
/// used from one thread.
final class ServerProcess {
    private(set) var port: UInt16 = 0
    private let process = Process()
    private let output = Foundation.Pipe()
    private var text = ""

    init(_ certificate: Authority.Files, _ options: [String] = []) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        // A server that is told a name shows the one that the client tells it.
        process.arguments =
            [
                "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate.certificate, "-key",
                certificate.key, "-servername", "shown", "-cert2", certificate.certificate, "-key2", certificate.key,
                "-rev",
            ] + options
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try output.fileHandleForWriting.close()
        // It says "ACCEPT 127.0.0.1:PORT".
        try read(until: "ACCEPT 127.0.0.1:")
        try read(until: "\n", after: "ACCEPT 127.0.0.1:")
        let line = text.components(separatedBy: "ACCEPT 127.0.0.1:")[1].prefix { $0.isNumber }
        guard let port = UInt16(line) else { throw SupportError("no port in \(text)") }
        self.port = port
    }

    deinit { stop() }

    /// Ends the server. It may have inherited a mask of signals that keeps it from seeing any other.
    private func stop() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// Waits until the server has ended by itself, after as many connections as it was told (`-naccept`): only then it
    /// writes all that it has to say.
    /// - Returns: the names that clients told it.
    func serverNames() throws -> [String] {
        while try readMore() {}
        return text.components(separatedBy: "Hostname in TLS extension: \"").dropFirst().map { rest in
            String(rest.prefix { $0 != "\"" })
        }
    }

    private func read(until mark: String, after start: String = "") throws {
        while true {
            let rest = start.isEmpty ? text : text.components(separatedBy: start).last ?? ""
            if rest.contains(mark) { return }
            if try !readMore() { throw SupportError("the server ended: \(text)") }
        }
    }

    /// Reads what the server says next.
    /// - Returns: whether there was something.
    private func readMore() throws -> Bool {
        try waitUntil(output.fileHandleForReading.fileDescriptor, Int16(POLLIN))
        let data = output.fileHandleForReading.availableData
        text += String(decoding: data, as: UTF8.self)
        return !data.isEmpty
    }
}

/// Waits until a descriptor is ready, but not for ever.
func waitUntil(_ descriptor: Int32, _ events: Int16) throws {
    var request = pollfd(fd: descriptor, events: events, revents: 0)
    guard poll(&request, 1, 60_000) == 1 else { throw SupportError("nothing happened for a minute") }
}
