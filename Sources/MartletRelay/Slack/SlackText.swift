/// Text as Slack writes it, where `&`, `<` and `>` have a meaning. Pure.
enum SlackText {
    /// How many characters a message has at most; Slack recommends 4,000 and cuts off what is far longer.
    static let maximum = 3_500

    /// A text as itself.
    static func escaped(_ text: some StringProtocol) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// What somebody has written: without the links that Slack makes of it, and without the fence of a block of code.
    static func plain(_ text: String) -> String {
        var result = ""
        var rest = unfenced(text)
        while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
            result += rest[..<open]
            result += written(rest[rest.index(after: open)..<close])
            rest = rest[rest.index(after: close)...]
        }
        return unescaped(result + rest)
    }

    /// What is meant by what stands between `<` and `>`. A label that is empty, as that of a channel may be, is none.
    private static func written(_ link: Substring) -> String {
        let parts = link.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        let (target, label) = (parts.first ?? "", parts.count == 2 && !parts[1].isEmpty ? parts[1] : nil)
        switch target.first {
        // A time has the text that is shown where it can't be.
        case "!" where target.hasPrefix("!date^"): return String(label ?? target)
        case "#", "@": return named(target.prefix(1), label ?? target.dropFirst())
        case "!": return named("@", label ?? target.dropFirst())
        default: return String(label ?? target)
        }
    }

    /// A name behind its sign, which a label may have already.
    private static func named(_ sign: Substring, _ name: Substring) -> String {
        String(name.hasPrefix(sign) ? name : sign + name)
    }

    private static func unescaped(_ text: String) -> String {
        text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    }

    private static let fence = "```"

    private static func unfenced(_ text: String) -> Substring {
        guard text.hasPrefix(fence), text.hasSuffix(fence), text.count >= 6 else { return text[...] }
        var inner = text.dropFirst(3).dropLast(3)
        if inner.first == "\n" { inner.removeFirst() }
        if inner.last == "\n" { inner.removeLast() }
        return inner.contains(fence) ? text[...] : inner
    }

    /// A message of Slack's, and the items of a batch that it brings to an end.
    struct Post: Equatable {
        var text: String
        /// How many items have arrived with it, counted from the first of the batch.
        var itemCount: Int
    }

    /// Messages of Slack's that hold texts, as few as can be, in blocks of code.
    ///
    /// - Parameter texts: those of the items of a batch; `nil` for one that has none.
    static func posts(of texts: [String?]) -> [Post] {
        var posts: [Post] = []
        var block = ""
        var length = 0
        func end(_ itemCount: Int) {
            if !block.isEmpty { posts.append(Post(text: fenced(block), itemCount: itemCount)) }
            (block, length) = ("", 0)
        }
        for (index, text) in texts.enumerated() {
            guard let text else { continue }
            for piece in pieces(of: escaped(text)) {
                let count = piece.unicodeScalars.count + 1
                if length + count > maximum { end(index) }
                block += (block.isEmpty ? "" : "\n") + piece
                length += count
            }
        }
        end(texts.count)
        return posts
    }

    /// A text that is too long for one message, cut where that does no harm.
    private static func pieces(of text: String) -> [Substring] {
        var pieces: [Substring] = []
        var rest = text[...]
        while rest.unicodeScalars.count >= maximum {
            var end = rest.unicodeScalars.index(rest.startIndex, offsetBy: maximum - 1)
            if let line = rest[..<end].lastIndex(of: "\n"), line > rest.startIndex {
                end = rest.index(after: line)
            } else if let ampersand = rest[..<end].lastIndex(of: "&"), ampersand > rest.startIndex,
                !rest[ampersand..<end].contains(";")
            {
                end = ampersand
            }
            pieces.append(rest[..<end].last == "\n" ? rest[..<end].dropLast() : rest[..<end])
            rest = rest[end...]
        }
        return pieces + [rest]
    }

    /// A block of code, unless the text itself has the fence of one.
    private static func fenced(_ text: String) -> String {
        text.contains(fence) ? text : "\(fence)\n\(text)\n\(fence)"
    }
}
