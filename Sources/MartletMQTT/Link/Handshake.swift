import Martlet

/// What the broker says of a link as a whole: how it takes it, and why it ends it. A pure value.
struct Handshake {
    /// Which of the servers the link is to.
    private(set) var server = 0
    /// What the broker has accepted, for as long as no other link was tried.
    private(set) var broker: ConnectAcknowledgement?
    /// Its answer, until that was looked at: the library has to return first.
    private var answer: ConnectAcknowledgement?
    /// The reason that the broker gave for its farewell.
    private(set) var farewell: CInt?

    /// Another link begins.
    mutating func begin(at server: Int) {
        self.server = server
        answer = nil
        farewell = nil
    }

    mutating func answered(_ acknowledgement: ConnectAcknowledgement) { answer = acknowledgement }

    /// Why the broker has not accepted the link, if it has said so.
    var refusal: MessagingError? { answer?.refusal }

    /// The broker's answer, once.
    mutating func takeAnswer() -> ConnectAcknowledgement? {
        defer { answer = nil }
        return answer
    }

    /// The broker has accepted the link.
    mutating func isEstablished(_ acknowledgement: ConnectAcknowledgement) { broker = acknowledgement }

    /// The library tells of the end of a link; without a reason where it just finds the socket closed.
    mutating func ended(_ reason: CInt) {
        if farewell == nil, reason >= 0x80 { farewell = reason }
    }
}
