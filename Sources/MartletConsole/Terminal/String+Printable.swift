extension StringProtocol {
    /// The text without what a terminal would obey instead of show.
    ///
    /// A name comes from whoever published it. Control characters could move the cursor, retitle the window or worse;
    /// line separators could break the table; invisible format characters could turn the direction of the text around.
    ///
    /// - Parameter limit: The most Unicode scalars that are kept. Marks that combine take no room on a line, so its
    ///   width alone doesn't bound a name.
    package func printable(limit: Int = 128) -> String {
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars.lazy.filter(\.isPrintable).prefix(limit) {
            result.append(scalar)
        }
        return String(result)
    }
}

extension Unicode.Scalar {
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
