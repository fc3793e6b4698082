public import Martlet

/// A connection whose link a test can take away and give back, as a pulled cable does.
///
/// The conformance checks of lost links run on connections that conform, and are skipped on others. A transport's
/// tests make one of it that stands behind a proxy, or that pauses the broker.
public protocol CuttableConnection: Connection {
    /// Whether it can be done now; unless told, it can.
    nonisolated var isCuttable: Bool { get }

    /// Loses the link. When it has returned the connection behaves as offline.
    nonisolated func cut() async throws

    /// Gives the link back. The connection may need a while to notice.
    nonisolated func restore() async throws
}

extension CuttableConnection {
    /// It can.
    public nonisolated var isCuttable: Bool { true }
}

extension MemoryConnection: CuttableConnection {}
