/// A server, or something else that tests stand on, is not as it should be.
package struct ServerError: Error, CustomStringConvertible {
    /// What happened, with the log of the server where there is one.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
