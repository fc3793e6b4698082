/// Where a streaming handler writes its elements.
public struct ResponseWriter<Element: Codable & Sendable>: Sendable {
    private let frames: FrameWriter
    private let codecs: Codecs

    init(frames: FrameWriter, codecs: Codecs) {
        self.frames = frames
        self.codecs = codecs
    }

    /// Sends one element, suspending while the reader is a window behind.
    ///
    /// Elements that several tasks write at once arrive in the order in which their writes were let through.
    ///
    /// - Throws: `CancellationError` once the reader has left; ``MessagingError/Code/encodingFailed``; what the
    ///   connection throws.
    public func write(_ element: Element) async throws {
        try await frames.write(codecs.message(element))
    }
}
