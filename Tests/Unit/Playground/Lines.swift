import Synchronization

@testable import playground

/// The lines that a part of the playground prints.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    /// Runs `body`, and returns what it printed.
    static func printed(by body: () async throws -> Void) async rethrows -> [String] {
        let lines = Lines()
        let listener = Output.Listener { line in lines.lines.withLock { $0.append(line) } }
        try await Output.$listener.withValue(listener, operation: body)
        return lines.all
    }
}
