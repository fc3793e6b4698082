import ArgumentParser

/// A name on the command line, and after a `=` what it is called on the other side.
struct Renaming: ExpressibleByArgument, Hashable, Sendable {
    let name: String
    /// `nil`: the same.
    let target: String?

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard !parts.contains("") else { return nil }
        name = parts[0]
        target = parts.count > 1 ? parts[1] : nil
    }
}
