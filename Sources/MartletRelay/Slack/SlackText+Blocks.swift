import Martlet

extension SlackText {
    /// What a message says that has no text of its own: its blocks, or else its attachments, a line for each text in them.
    static func lines(of message: JSON) -> [String] {
        let blocks = (message["blocks"]?.array ?? []).flatMap(lines(ofBlock:))
        if !blocks.isEmpty { return blocks }
        return (message["attachments"]?.array ?? []).flatMap(lines(ofAttachment:))
    }

    private static func lines(ofBlock block: JSON) -> [String] {
        let elements = block["elements"]?.array ?? []
        if block["type"]?.string == "rich_text" { return elements.flatMap(lines(ofRichText:)) }
        // What it says, what stands in columns, and the small print of a context.
        let texts = [block["text"]].compactMap(\.self) + (block["fields"]?.array ?? []) + elements
        return texts.compactMap { $0["text"]?.string }.filter { !$0.isEmpty }
    }

    /// The pieces of a paragraph stand in one line, each paragraph of a list in its own.
    private static func lines(ofRichText element: JSON) -> [String] {
        let elements = element["elements"]?.array ?? []
        if element["type"]?.string == "rich_text_list" { return elements.flatMap(lines(ofRichText:)) }
        let line = elements.map { $0["text"]?.string ?? $0["url"]?.string ?? "" }.joined()
        return line.isEmpty ? [] : [line]
    }

    private static func lines(ofAttachment attachment: JSON) -> [String] {
        var lines = ["pretext", "title", "text"].compactMap { attachment[$0]?.string }
        for field in attachment["fields"]?.array ?? [] {
            lines.append([field["title"]?.string, field["value"]?.string].compactMap(\.self).joined(separator: ": "))
        }
        lines += (attachment["blocks"]?.array ?? []).flatMap(lines(ofBlock:))
        lines.removeAll(where: \.isEmpty)
        return lines.isEmpty ? [attachment["fallback"]?.string ?? ""].filter { !$0.isEmpty } : lines
    }
}
