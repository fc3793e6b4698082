/// What connecting does when no broker can be reached.
public enum UnreachablePolicy: Sendable, Hashable {
    /// It fails, and says why.
    case fail
    /// It returns a connection without a link, which tries on as after a lost one: for a program that has something to do
    /// meanwhile, such as a bridge that stores.
    ///
    /// Until there is a link its state is ``ConnectionState/connecting``. What no time mends, such as a broker that does
    /// not let the connection in or a certificate that does not convince, fails all the same.
    case retry

    /// Whether a connection whose first attempt has failed is to try on.
    package func triesOn(after error: any Error) -> Bool {
        guard self == .retry, let error = error as? MessagingError else { return false }
        return error.isRetriable && error.code != .connectionClosed
    }
}
