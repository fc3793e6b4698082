/// Which version of the package this is: the one place that says so.
package enum MartletVersion {
    /// As the command says it, and brokers are told.
    package static let current = "0.1.0"
}
