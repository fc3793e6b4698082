import Testing

@testable import benchmarks

@Suite struct NumbersTests {
    @Test(
        arguments: [
            ([], nil), ([4], 4), ([9, 1], 5), ([3, 1, 2], 2), ([10, 1, 3, 2], 2.5),
        ] as [([Double], Double?)]
    )
    func theMedianIsInTheMiddle(values: [Double], expected: Double?) {
        #expect(values.median == expected)
    }

    @Test(
        arguments: [
            (0, "0"), (999.4, "999"), (999.5, "1,000"), (1_234_567, "1,234,567"), (-1_234, "-1,234"), (-0.2, "0"),
            (.infinity, "inf"),
        ] as [(Double, String)]
    )
    func thousandsAreGrouped(value: Double, expected: String) {
        #expect(value.grouped == expected)
    }
}
