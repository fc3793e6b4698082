extension Plot {
    private enum Layout {
        static let width = 640.0
        static let height = 380.0
        static let left = 64.0
        static let right = 560.0
        static let top = 48.0
        static let bottom = 324.0
    }

    /// A picture that a browser draws in dark colours where the reader's system has them.
    var svg: String {
        let values = lines.flatMap(\.points)
        let xs = Array(Set(values.map(\.x))).sorted()
        let ticks = LogScale.ticks(around: values.map(\.y))
        let x = LogScale(low: xs.first ?? 1, high: xs.last ?? 1, start: Layout.left, end: Layout.right)
        let y = LogScale(low: ticks[0], high: ticks[ticks.count - 1], start: Layout.bottom, end: Layout.top)
        var parts = [Self.head, text(title, x: Layout.left, y: 24, "title")]
        parts += ticks.flatMap { tick in
            [
                "<path class='grid' d='M\(pixel(Layout.left)) \(pixel(y.position(tick)))H\(pixel(Layout.right))'/>",
                text(tick.short, x: Layout.left - 8, y: y.position(tick) + 4, "right"),
            ]
        }
        parts += labelled(xs, on: x).map { text(xText($0), x: x.position($0), y: Layout.bottom + 20, "middle") }
        parts.append(text(xLabel, x: (Layout.left + Layout.right) / 2, y: Layout.height - 12, "middle"))
        parts.append(text(yLabel, x: Layout.left, y: Layout.top - 8, "small"))
        let ends = Self.apart(lines.map { $0.points.last.map { y.position($0.y) } ?? Layout.bottom })
        for (index, line) in lines.enumerated() {
            parts += drawn(line, "line\(index)", x, y)
            parts.append(text(line.name, x: Layout.right + 10, y: ends[index] + 4, "name line\(index)"))
        }
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private static let head = """
        <svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 640 380' font-family='system-ui, sans-serif' font-size='12'>
        <style>
        text { fill: #57606a } .title { fill: #1f2328; font-size: 15px; font-weight: 600 }
        .right { text-anchor: end } .middle { text-anchor: middle } .name { font-weight: 600 }
        .grid { stroke: #8c959f; stroke-opacity: .3 } path.line0, path.line1 { fill: none; stroke-width: 2 }
        .line0 { stroke: #0969da } .line1 { stroke: #bc4c00 } path.line1 { stroke-dasharray: 6 4 }
        circle.line0, text.line0 { fill: #0969da } circle.line1, text.line1 { fill: #bc4c00 } text { stroke: none }
        @media (prefers-color-scheme: dark) {
        text { fill: #9198a1 } .title { fill: #f0f6fc }
        .line0 { stroke: #58a6ff } .line1 { stroke: #f0883e }
        circle.line0, text.line0 { fill: #58a6ff } circle.line1, text.line1 { fill: #f0883e }
        }
        </style>
        """

    private func drawn(_ line: Line, _ kind: String, _ x: LogScale, _ y: LogScale) -> [String] {
        let places = line.points.map { "\(pixel(x.position($0.x))) \(pixel(y.position($0.y)))" }
        guard let first = places.first else { return [] }
        let path = "M" + first + places.dropFirst().map { "L" + $0 }.joined()
        let circles = line.points.map { point in
            "<circle class='\(kind)' cx='\(pixel(x.position(point.x)))' cy='\(pixel(y.position(point.y)))' r='3'/>"
        }
        return ["<path class='\(kind)' d='\(path)'/>"] + circles
    }

    /// Those that have room for a text, the first and the last among them.
    private func labelled(_ values: [Double], on scale: LogScale) -> [Double] {
        guard let last = values.last else { return [] }
        var labelled: [Double] = []
        for value in values.dropLast() {
            let place = scale.position(value)
            let isFree = labelled.last.map { place - scale.position($0) >= 48 } ?? true
            if isFree, scale.position(last) - place >= 48 { labelled.append(value) }
        }
        return labelled + [last]
    }

    /// Moves places that are too near each other for a text each.
    private static func apart(_ places: [Double]) -> [Double] {
        var moved = places
        let order = places.indices.sorted { places[$0] < places[$1] }
        for (above, below) in zip(order, order.dropFirst()) {
            moved[below] = max(moved[below], moved[above] + 16)
        }
        return moved
    }

    private func text(_ text: String, x: Double, y: Double, _ kind: String) -> String {
        let escaped = text.flatMap { character -> String in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            default: String(character)
            }
        }
        return "<text class='\(kind)' x='\(pixel(x))' y='\(pixel(y))'>\(String(escaped))</text>"
    }

    private func pixel(_ value: Double) -> String {
        let text = value.decimals(1)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
