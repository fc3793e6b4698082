import Foundation
import Synchronization

/// Peers in Python, each a process that is forked off one which has loaded everything already.
///
/// They end with this process, however it ends.
package final class PythonPeers: Sendable {
    private struct State {
        var lastPeer = 0
        var unread: [UInt8] = []
        /// What each peer has told and nobody has read.
        var events: [Int: [JSON]] = [:]
        var hasEnded = false
    }

    private let process: ChildProcess
    private let socket: Socket
    private let folder: TemporaryFolder
    private let state = Mutex(State())

    /// The peers that all tests of this process share; they start with the first that is asked for.
    package static func shared() async throws -> PythonPeers { try await launching.peers() }

    private static let launching = Launching()

    private actor Launching {
        private var running: PythonPeers?
        private var isStarting = false

        func peers() async throws -> PythonPeers {
            // Whoever starts them may be cancelled; somebody else then takes the turn.
            while isStarting { try await Task.sleep(for: .milliseconds(5)) }
            if let running { return running }
            isStarting = true
            defer { isStarting = false }
            let peers = try PythonPeers(interpreter: await PythonEnvironment.interpreter())
            running = peers
            return peers
        }
    }

    private init(interpreter: String) throws {
        folder = try TemporaryFolder("peers")
        let (own, theirs) = try ChildProcess.socketPair()
        socket = Socket(descriptor: own)
        defer { close(theirs) }
        process = try ChildProcess(
            Spawn(
                program: interpreter,
                arguments: ["-u", "-B", PythonEnvironment.tests + "/Brokers/Interop/Peers/peers.py"],
                environment: Program.environment,
                input: theirs,
                output: folder.path("log")
            )
        )
    }

    /// What all peers have written to their standard error.
    package var log: String { Program.text(of: folder.path("log")) }

    /// Runs `body` with a peer in a role; the peer ends with it.
    package func withPeer<Result>(
        _ role: String,
        _ arguments: [String: JSON],
        _ body: (PythonPeer) async throws -> Result
    ) async throws -> Result {
        let number = state.withLock { state in
            state.lastPeer += 1
            state.events[state.lastPeer] = []
            return state.lastPeer
        }
        try await send(
            arguments.merging(["do": "start", "peer": .number(Double(number)), "role": .string(role)]) { $1 }
        )
        defer { state.withLock { $0.events[number] = nil } }
        do {
            let result = try await body(PythonPeer(number: number, peers: self))
            try await stop(number)
            return result
        } catch {
            try? await stop(number)
            throw error
        }
    }

    private func stop(_ number: Int) async throws { try await tell(number, to: "stop") }

    func tell(_ peer: Int, to command: JSON) async throws {
        try await send(["do": command, "peer": .number(Double(peer))])
    }

    private func send(_ command: [String: JSON]) async throws {
        try await socket.sendAll(JSONEncoder().encode(JSON.object(command)) + [UInt8(ascii: "\n")])
    }

    /// The next thing that a peer tells.
    func next(of peer: Int) async throws -> JSON {
        while true {
            let event = try state.withLock { state -> JSON? in
                try read(&state)
                if let event = state.events[peer]?.first {
                    state.events[peer]?.removeFirst()
                    return event
                }
                guard !state.hasEnded else { throw ServerError("The Python peers have ended. Their log:\n\(log)") }
                return nil
            }
            if let event { return event }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private func read(_ state: inout State) throws {
        while true {
            switch socket.read() {
            case .done(let bytes): state.unread += bytes
            case .notNow: return
            case .ended, .lost:
                state.hasEnded = true
                return
            }
            while let end = state.unread.firstIndex(of: UInt8(ascii: "\n")) {
                let event = try JSONDecoder().decode(JSON.self, from: Data(state.unread[..<end]))
                state.unread.removeSubrange(...end)
                if let peer = event["peer"]?.integer { state.events[peer]?.append(event) }
            }
        }
    }
}
