import MartletConsole

extension String {
    /// The text without what a terminal would obey instead of show, but for its line ends.
    var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { $0.printable(limit: 4_096) }
            .joined(separator: "\n")
    }
}
