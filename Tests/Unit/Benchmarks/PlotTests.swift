import Foundation
import Testing

@testable import benchmarks

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite struct PlotTests {
    private func plot(_ lines: [Plot.Line], title: String = "Title") -> Plot {
        Plot(title: title, xLabel: "x & more", yLabel: "y", lines: lines)
    }

    private func texts(_ svg: String) -> [String] {
        svg.matches(of: #/<text class='[^']*' x='[-0-9.]+' y='[-0-9.]+'>([^<]*)</text>/#).map { String($0.1) }
    }

    @Test func bothLinesAreDrawnAndNamed() {
        let svg = plot([
            Plot.Line(name: "Martlet", points: [(1, 10), (10, 100), (100, 1_000)]),
            Plot.Line(name: "C", points: [(1, 20), (100, 900)]),
        ]).svg
        // Three decades on each axis: a straight line from corner to corner.
        #expect(svg.contains("<path class='line0' d='M64 324L312 186L560 48'/>"))
        #expect(svg.contains("<path class='line1' d='M64 "))
        #expect(svg.matches(of: #/<circle class='line1'/#).count == 2)
        #expect(
            texts(svg) == [
                "Title", "10", "20", "50", "100", "200", "500", "1k", "1", "10", "100", "x &amp; more", "y", "Martlet",
                "C",
            ]
        )
    }

    @Test func itIsWellFormed() {
        let svg = plot([Plot.Line(name: "<a> & 'b'", points: [(1, 1), (2, 3)])], title: "a < b").svg
        let parser = XMLParser(data: Data(svg.utf8))
        #expect(parser.parse())
    }

    @Test func namesDoNotOverlap() throws {
        let svg = plot([
            Plot.Line(name: "Martlet", points: [(1, 10), (10, 100)]),
            Plot.Line(name: "C", points: [(1, 10), (10, 101)]),
        ]).svg
        let places = svg.matches(of: #/class='name line\d' x='570' y='([0-9.]+)'/#).compactMap { Double($0.1) }
        try #require(places.count == 2)
        #expect(abs(places[0] - places[1]) >= 16)
    }

    @Test(arguments: [[], [(1, 1)]] as [[(x: Double, y: Double)]])
    func littleIsDrawnToo(points: [(x: Double, y: Double)]) {
        let svg = plot([Plot.Line(name: "Martlet", points: points)]).svg
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    @Test(
        arguments: [
            ([3, 40], [2, 5, 10, 20, 50]), ([1, 10], [1, 2, 5, 10]), ([7, 7], [5, 10]), ([10, 10], [10, 20]),
            ([1, 1_000_000], [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]), ([0, 0.3], [0.2, 0.5]),
        ] as [([Double], [Double])]
    )
    func ticksSurroundTheValues(values: [Double], expected: [Double]) {
        let ticks = LogScale.ticks(around: values)
        #expect(ticks.count == expected.count && zip(ticks, expected).allSatisfy { abs($0 / $1 - 1) < 1e-9 })
    }

    @Test(
        arguments: [
            (0.25, "0.25"), (1, "1"), (12.5, "12.5"), (250, "250"), (1_500, "1.5k"), (20_000_000, "20M"), (100, "100"),
        ] as [(Double, String)]
    )
    func numbersAreShort(value: Double, expected: String) {
        #expect(value.short == expected)
    }

    @Test(arguments: [(16, "16 B"), (1_024, "1 KiB"), (1_048_576, "1 MiB")] as [(Double, String)])
    func sizesAreBinary(value: Double, expected: String) {
        #expect(value.binarySize == expected)
    }
}
