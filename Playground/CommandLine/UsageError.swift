/// The arguments ask for something that there is not. The text says what there is.
struct UsageError: Error, CustomStringConvertible, Equatable {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
