import Foundation
import IntegrationSupport
import Testing

/// What is left when a test process does not get to clean up: nothing.
@Suite(.timeLimit(.minutes(3)))
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

    @Test func aPausedServerEndsAsWell() async throws {
        let notes = try Notes()
        defer { notes.remove() }
        await #expect(processExitsWith: .success) { [notes = notes as Notes] in
            let servers = try await notes.startServers()
            for server in servers { server.pause() }
            exit(0)
        }
        try await notes.expectNothingIsLeft()
    }

    /// What a process that is about to die writes down, in a folder that outlives it.
    struct Notes: Codable, Sendable {
        struct Note: Codable {
            var process: Int32
            var folder: String
        }

        let file: String

        init() throws {
            file = NSTemporaryDirectory() + "/martlet-notes-" + UUID().uuidString
        }

        func remove() { try? FileManager.default.removeItem(atPath: file) }

        @discardableResult
        func startServers() async throws -> [any ControlledServer] {
            let shared = try await MosquittoServer.shared()
            let own = try MosquittoServer()
            try await own.start()
            let servers: [any ControlledServer] = [shared, own]
            let notes = servers.compactMap { server in
                server.processID.map { Note(process: $0, folder: server.folder.path) }
            }
            try JSONEncoder().encode(notes).write(to: URL(fileURLWithPath: file))
            return servers
        }

        func expectNothingIsLeft() async throws {
            let notes = try JSONDecoder().decode([Note].self, from: Data(contentsOf: URL(fileURLWithPath: file)))
            #expect(notes.count == 2)
            for note in notes {
                try await until { try SystemProcess.state(note.process) == nil }
                let all = (note.folder as NSString).deletingLastPathComponent
                try await until { !FileManager.default.fileExists(atPath: all) }
            }
        }
    }
}
