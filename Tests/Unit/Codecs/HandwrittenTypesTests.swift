import Testing

/// A hundred types that people write, each with a way of its own to use an encoder and a decoder.
@Suite(.timeLimit(.minutes(10))) struct HandwrittenTypesTests {
    static let cases =
        Hierarchies.cases + Flattened.cases + Nestings.cases + Wrappers.cases + Enums.cases + Tables.cases

    @Test(arguments: cases)
    func aTypeHasTheDocumentAndTheValuesThatItHasWithFoundation(_ type: TypeCase) throws {
        let differences = try type.differences()
        #expect(differences.isEmpty)
    }

    @Test func thereAreAHundred() { #expect(Self.cases.count >= 100) }
}
