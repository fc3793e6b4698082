/// How to see that a server is ready: it answers on its port.
struct Readiness: Sendable {
    /// Where the server listens.
    var address: SocketAddress
    /// Where it listens, too, perhaps a moment later.
    var others: [SocketAddress] = []
    /// What is written once the connection is there.
    var question: [UInt8] = []
    /// Whether what the server has written so far says that it is ready; `nil` if it has to say more. Without this, being
    /// connected is enough.
    var judge: (@Sendable ([UInt8]) -> Bool?)?

    /// Asks once. Returns `false` if the server refuses a connection, ends it or gives another answer; waits as long as it
    /// says nothing at all.
    func ask(until deadline: ContinuousClock.Instant) async throws -> Bool {
        guard try await answers(until: deadline) else { return false }
        for address in others {
            guard try await Readiness(address: address).answers(until: deadline) else { return false }
        }
        return true
    }

    private func answers(until deadline: ContinuousClock.Instant) async throws -> Bool {
        let socket = try Socket.connecting(to: address)
        var isAsked = false
        var answer: [UInt8] = []
        while ContinuousClock.now < deadline {
            if !isAsked {
                switch socket.connectionProgress {
                case .done:
                    guard judge != nil else { return true }
                    guard case .done = socket.write(question) else { return false }
                    isAsked = true
                case .ended, .lost: return false
                case .notNow: break
                }
            } else if let judge {
                switch socket.read() {
                case .done(let bytes):
                    answer += bytes
                    if let verdict = judge(answer) { return verdict }
                case .ended, .lost: return false
                case .notNow: break
                }
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        return false
    }
}
