import Foundation

/// A document with sessions: blocks of commands, each after a `$`, with what they print below.
struct Article {
    /// A command and what stands below it.
    struct Step {
        var command: String
        var output: [String]
    }

    /// A piece of the document: text, or a session.
    enum Piece {
        case text([String])
        case session([Step])
    }

    var pieces: [Piece] = []

    init(_ document: String) {
        var text: [String] = []
        var session: [Step]?
        for line in document.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if var steps = session {
                if line == "```" {
                    pieces.append(.session(steps))
                    session = nil
                    text = [line]
                    continue
                }
                if line.hasPrefix("$ ") {
                    steps.append(Step(command: String(line.dropFirst(2)), output: []))
                } else if !steps.isEmpty {
                    steps[steps.count - 1].output.append(line)
                }
                session = steps
            } else {
                text.append(line)
                if line == "```console" {
                    pieces.append(.text(text))
                    session = []
                }
            }
        }
        pieces.append(.text(text))
    }

    /// The document.
    var text: String {
        pieces.flatMap { piece in
            switch piece {
            case .text(let lines): lines
            case .session(let steps): steps.flatMap { ["$ " + $0.command] + $0.output }
            }
        }
        .joined(separator: "\n")
    }
}
