"""An answer that is not a success, raised anywhere and turned into JSON by the server."""


class ApiError(Exception):
    def __init__(self, status, message, errors=None, headers=None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    def body(self):
        body = {"message": self.message}
        if self.errors:
            body["errors"] = self.errors
        body["documentation_url"] = "https://docs.github.com/rest"
        body["status"] = str(self.status)
        return body


def not_found():
    return ApiError(404, "Not Found")


def invalid(message, errors=None):
    return ApiError(422, message, errors)
