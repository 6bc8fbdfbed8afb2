package peer;

/** An answer that is not ok; kind is one of PROTOCOL.md. */
final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1;
  final String kind;

  Failure(String kind, String text) {
    super(text);
    this.kind = kind;
  }

  static Failure bad(String text) {
    return new Failure("request", text);
  }

  static Failure from(String kind, Throwable e) {
    return new Failure(kind, e.getClass().getSimpleName() + ": " + e.getMessage());
  }
}
