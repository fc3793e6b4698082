extension StringProtocol {
    /// How many of a terminal's columns the text takes at most.
    ///
    /// Most terminals add up the widths of the scalars; those that join some of them into one glyph take fewer columns.
    package var columns: Int {
        unicodeScalars.reduce(0) { $0 + $1.columns }
    }

    /// The text if it fits, or else as much of it as fits before an ellipsis.
    package func truncated(to width: Int) -> String {
        guard columns > width else { return String(self) }
        guard width > 0 else { return "" }

        var result = ""
        var room = width - 1
        for character in self {
            room -= String(character).columns
            if room < 0 { break }
            result.append(character)
        }
        return result + "…"
    }

    /// The text, truncated or followed by spaces, so that it takes exactly `width` columns.
    package func leading(in width: Int) -> String {
        let text = truncated(to: width)
        return text + String(repeating: " ", count: Swift.max(0, width - text.columns))
    }

    /// The text, truncated or preceded by spaces, so that it takes exactly `width` columns.
    package func trailing(in width: Int) -> String {
        let text = truncated(to: width)
        return String(repeating: " ", count: Swift.max(0, width - text.columns)) + text
    }
}

extension Unicode.Scalar {
    /// Blocks of scripts and symbols that are drawn two columns wide (Unicode's EastAsianWidth, Wide and Fullwidth). A few
    /// narrow ones lie among them: a line that comes out too short does no harm, one that is too long does.
    private static let wideBlocks: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF,
        0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF,
        0x1F000...0x1FAFF, 0x20000...0x3FFFD,
    ]

    fileprivate var columns: Int {
        if value < 0x300 { return 1 }
        // A variation selector may ask for an emoji, which is one column wider than the sign alone.
        if value == 0xFE0F { return 1 }
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        let isWide = properties.isEmojiPresentation || Self.wideBlocks.contains { $0.contains(value) }
        return isWide ? 2 : 1
    }
}
