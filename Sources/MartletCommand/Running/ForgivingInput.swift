import Subprocess

/// What a command gets on standard input. One that ends without having read it all has done nothing wrong.
struct ForgivingInput: InputProtocol {
    let bytes: [UInt8]

    func write(with writer: StandardInputWriter) async throws {
        do {
            _ = try await writer.write(bytes)
        } catch {
            try Task.checkCancellation()
        }
    }
}
