/// What bytes an encoding writes.
enum EncodingFormat {
    case json
    case messagePack
}
