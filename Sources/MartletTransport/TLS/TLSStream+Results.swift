package import Martlet

extension TLSStream {
    /// How far the handshake is.
    package enum Handshake: Sendable {
        /// It is complete, and the broker is who it should be.
        case done
        /// It goes on when the socket can be read.
        case wantsRead
        /// It goes on when the socket can be written to.
        case wantsWrite
        /// It is over: `MessagingError.Code.refused` if one side refused the other, or what answered does not speak TLS;
        /// `MessagingError.Code.connectionLost` if the link broke.
        case failed(MessagingError)
    }

    /// What came of a read.
    package enum Read: Sendable {
        /// So many bytes were read.
        case bytes(Int)
        /// There is nothing; wait until the socket can be read.
        case wouldBlock
        /// Something of TLS itself must be sent first: wait until the socket can be written to, then read again.
        case wantsWrite
        /// The other side said that it sends no more.
        case closed
        /// The stream is over. That the other side went without a word is one of these failures.
        case failed(MessagingError)
    }

    /// What came of a write.
    package enum Write: Sendable {
        /// So many bytes were taken.
        case bytes(Int)
        /// Nothing was taken; wait until the socket can be written to.
        case wouldBlock
        /// Something of TLS itself must come first: wait until the socket can be read, then write again.
        case wantsRead
        /// The stream is over.
        case failed(MessagingError)
    }
}
