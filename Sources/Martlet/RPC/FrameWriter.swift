import Synchronization

/// The writing side of one streaming call: numbers the frames and keeps to the reader's credit.
final class FrameWriter: Sendable {
    private let request: IncomingRequest
    private let gate: CreditGate
    private let turns = Turns()
    private let nextSequence = Mutex(0)

    init(_ request: IncomingRequest, gate: CreditGate) {
        self.request = request
        self.gate = gate
    }

    /// Tells the reader where to send its credit, before there is any element.
    func open(_ control: StreamControl) async throws {
        let headers: Headers = [
            Headers.Standard.replyTo: .string(control.address),
            Headers.Standard.creditID: .string(control.id),
        ]
        try await request.reply(numbered(Message(headers: headers)))
    }

    /// Sends one element, as soon as the reader has allowed it.
    func write(_ element: Message) async throws {
        try await gate.pass()
        do {
            // One after the other, so that the number of one that does not leave can be given back.
            try await turns.take {
                let frame = numbered(element)
                do {
                    try await request.reply(frame)
                } catch {
                    giveBack(frame)
                    throw error
                }
            }
        } catch {
            gate.giveBack()
            throw error
        }
    }

    /// A frame that did not leave takes no place, or its reader would wait for it: the next one gets its number.
    private func giveBack(_ frame: Message) {
        guard let sequence = frame.headers.integer(Headers.Standard.sequence) else { return }
        nextSequence.withLock { if $0 == sequence + 1 { $0 = sequence } }
    }

    /// The frame that ends the stream, in order or with an error.
    func last(_ error: (any Error)?) -> Message {
        var frame = error.map(MessagingError.reply(for:)) ?? Message()
        frame.headers[Headers.Standard.streamEnd] = true
        return numbered(frame)
    }

    private func numbered(_ frame: Message) -> Message {
        var frame = frame
        let sequence = nextSequence.withLock { next in
            defer { next += 1 }
            return next
        }
        frame.headers[Headers.Standard.sequence] = .integer(Int64(sequence))
        return frame
    }
}
