import Foundation
import Testing

@testable import IntegrationSupport

/// What is left when a test process does not get to clean up: nothing.
@Suite(.timeLimit(.minutes(10)))
struct ProcessDeathTests {
    @Test func aKilledTestProcessLeavesNothing() async throws {
        let notes = try Notes()
        defer { notes.remove() }
        await #expect(processExitsWith: .signal(SIGKILL)) { [notes = notes as Notes] in
            try await notes.startServers()
            kill(getpid(), SIGKILL)
        }
        try await notes.expectNothingIsLeft()
    }

    @Test func aCrashedTestProcessLeavesNothing() async throws {
        let notes = try Notes()
        defer { notes.remove() }
        await #expect(processExitsWith: .failure) { [notes = notes as Notes] in
            try await notes.startServers()
            abort()
        }
        try await notes.expectNothingIsLeft()
    }

    /// The kernel hangs up on the group of a stopped process whose parent ends. Whether that comes before the keeper has
    /// done its work is a matter of luck, hence so many.
    @Test func pausedOnesEndAsWell() async throws {
        let notes = try Notes()
        defer { notes.remove() }
        await #expect(processExitsWith: .success) { [notes = notes as Notes] in
            let servers = try await notes.startServers()
            for server in servers { server.pause() }
            let environment = ["MARTLET_FOLDER": servers[0].folder.path]
            let others = try (0..<30).map { _ in
                try ChildProcess(
                    Spawn(program: "/bin/sleep", arguments: ["1000"], environment: environment, isDeaf: true)
                )
            }
            for other in others { other.pause() }
            exit(0)
        }
        try await notes.expectNothingIsLeft()
    }

    @Test func notEvenWhatRabbitMQStarts() async throws {
        let notes = try Notes()
        defer { notes.remove() }
        await #expect(processExitsWith: .signal(SIGKILL)) { [notes = notes as Notes] in
            let server = try RabbitMQServer()
            try await server.start()
            try notes.write([server])
            kill(getpid(), SIGKILL)
        }
        try await notes.expectNothingIsLeft()
    }

    /// What a process that is about to die writes down, in a file that outlives it.
    struct Notes: Codable, Sendable {
        private let file: String

        init() throws {
            file = NSTemporaryDirectory() + "/martlet-notes-" + UUID().uuidString
        }

        func remove() { try? FileManager.default.removeItem(atPath: file) }

        @discardableResult
        func startServers() async throws -> [any ControlledServer] {
            let shared = try await MosquittoServer.shared()
            let own = try RedisServer()
            try await own.start()
            try write([shared, own])
            return [shared, own]
        }

        /// Writes down where the servers are, after it has seen that there is something to find.
        func write(_ servers: [any ControlledServer]) throws {
            for server in servers {
                let process = try #require(server.processID)
                try #require(SystemProcess.mentioning(server.folder.path).contains(process))
            }
            // The folder that all of this process's folders are in.
            let folder = (try #require(servers.first).folder.path as NSString).deletingLastPathComponent
            try Data(folder.utf8).write(to: URL(fileURLWithPath: file))
        }

        func expectNothingIsLeft() async throws {
            let folder = try String(contentsOfFile: file, encoding: .utf8)
            try await until { try SystemProcess.mentioning(folder).isEmpty }
            #expect(!FileManager.default.fileExists(atPath: folder))
        }
    }
}
