import Foundation

/// `openssl s_server` on a free port of this machine, which sends back each line that it gets the wrong way round. It is used from
/// one thread.
final class ServerProcess {
    private(set) var port: UInt16 = 0
    private let process = Process()
    private let output = Pipe()
    private let errors: FileHandle
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
        errors = output.fileHandleForWriting
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        try output.fileHandleForWriting.close()
        // It says "ACCEPT 127.0.0.1:PORT".
        try read(until: "ACCEPT 127.0.0.1:")
        try read(until: "\n", after: "ACCEPT 127.0.0.1:")
        let line = text.components(separatedBy: "ACCEPT 127.0.0.1:")[1].prefix { $0.isNumber }
        guard let port = UInt16(line) else { throw SupportError("no port in \(text)") }
        self.port = port
    }

    /// Ends the server.
    func stop() {
        process.terminate()
        process.waitUntilExit()
    }

    deinit { stop() }

    /// The name that the last client told; `nil` if it ended without one.
    func serverName() throws -> String? {
        let mark = "Hostname in TLS extension: \""
        try read(until: mark)
        try read(until: "\n", after: mark)
        return text.components(separatedBy: mark).last.map { String($0.prefix { $0 != "\"" }) }
    }

    /// Whether a text is in what the server has printed when it is stopped.
    func stopped() throws -> String {
        process.terminate()
        text += String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return text
    }

    private func read(until mark: String, after start: String = "") throws {
        while true {
            let rest = start.isEmpty ? text : text.components(separatedBy: start).last ?? ""
            if rest.contains(mark) { return }
            try waitUntil(output.fileHandleForReading.fileDescriptor, Int16(POLLIN))
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { throw SupportError("the server ended: \(text)") }
            text += String(decoding: data, as: UTF8.self)
        }
    }
}

/// Waits until a descriptor is ready, but not for ever.
func waitUntil(_ descriptor: Int32, _ events: Int16) throws {
    var request = pollfd(fd: descriptor, events: events, revents: 0)
    guard poll(&request, 1, 60_000) == 1 else { throw SupportError("nothing happened for a minute") }
}
