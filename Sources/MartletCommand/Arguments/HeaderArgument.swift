import ArgumentParser
import Martlet

/// A header on the command line: `name=value`.
struct HeaderArgument: ExpressibleByArgument, Hashable, Sendable {
    let name: String
    let value: String

    init?(argument: String) {
        guard let separator = argument.firstIndex(of: "="), separator > argument.startIndex else { return nil }
        name = String(argument[..<separator])
        value = String(argument[argument.index(after: separator)...])
    }
}

extension [HeaderArgument] {
    /// Headers of text.
    var headers: Headers {
        reduce(into: Headers()) { $0[$1.name] = .string($1.value) }
    }
}
