"""The door before Prism: what it passes on, rewrites, notes. Prism is played by a small server."""

import http.server
import json
import threading
import unittest

from openapi_proxy import Front, ask
from openapi_router import Router
from openapi_versions import at_version


class Played:
    """Answers everything with what it was asked; violations as told."""

    def __init__(self):
        self.paths, self.violations, self.status = [], [], 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.paths.append(self.path)
                url = f"http://127.0.0.1:{outer.server.server_port}/next"
                raw = json.dumps({"url": url, "full_name": "o/r"}).encode()
                self.send_response(outer.status)
                self.send_header("sl-violations", json.dumps(outer.violations))
                self.send_header("Link", f'<{url}>; rel="next"')
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.place = ("127.0.0.1", self.server.server_port)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class FrontTest(unittest.TestCase):
    def setUp(self):
        self.prism, self.standin = Played(), Played()
        self.front = Front(self.prism.place, self.standin.place)
        for one in (self.prism, self.standin, self.front):
            self.addCleanup(one.stop)

    def get(self, path):
        return ask(("127.0.0.1", int(self.front.url.rpartition(":")[2])), "GET", path, {}, b"")

    def test_a_violation_is_noted_with_its_request_and_place(self):
        self.prism.violations = [{"location": ["response", "body"], "message": "no id"}]
        _, headers, _ = self.get("/repos/o/r")
        self.assertEqual(self.front.violations, [("GET /repos/o/r", 200, "response.body", "no id")])
        self.assertNotIn("sl-violations", dict(headers))

    def test_a_request_that_was_refused_may_be_wrong_an_answer_may_not(self):
        self.prism.status = 422
        self.prism.violations = [{"location": ["request", "body"], "message": "no ref"}]
        self.get("/repos/o/r")
        self.assertEqual(self.front.violations, [])
        self.prism.violations = [{"location": ["response", "body"], "message": "no message"}]
        self.get("/repos/o/r")
        self.assertEqual(len(self.front.violations), 1)

    def test_urls_lead_back_to_the_door(self):
        _, headers, raw = self.get("/repos/o/r")
        self.assertEqual(json.loads(raw)["url"], self.front.url + "/next")
        self.assertIn(self.front.url, dict(headers)["Link"])

    def test_paths_are_written_as_the_description_has_them(self):
        for asked, sent in (("/repos/o/r/git/ref/tags/v1", "/repos/o/r/git/ref/tags%2Fv1"),
                            ("/repos/o/r/git/ref/tags%2Fv1", "/repos/o/r/git/ref/tags%2Fv1"),
                            ("/repos/o/r/contents/a/b?ref=x", "/repos/o/r/contents/a%2Fb?ref=x"),
                            ("/repositories/7/pulls?page=2", "/repos/o/r/pulls?page=2")):
            self.get(asked)
            self.assertEqual(self.prism.paths[-1], sent)

    def test_a_router_hands_on_to_the_stand_in_of_the_door(self):
        router = Router()
        self.addCleanup(router.stop)
        front = Front(router.place, self.standin.place)  # no Prism between them
        self.addCleanup(front.stop)
        place = ("127.0.0.1", int(front.url.rpartition(":")[2]))
        self.assertEqual(ask(place, "GET", "/repos/o/r", {}, b"")[0], 200)
        self.assertEqual((self.standin.paths, front.count), (["/repos/o/r"], 1))
        self.standin.server.RequestHandlerClass.do_GET = lambda handler: handler.connection.close()
        with self.assertRaises(ConnectionError):
            ask(place, "GET", "/repos/o/r", {}, b"")

    def test_each_version_of_the_api_has_its_prism(self):
        newer = Played()
        self.addCleanup(newer.stop)
        front = Front(self.prism.place, self.standin.place, newer={"2026-03-10": newer.place})
        self.addCleanup(front.stop)
        place = ("127.0.0.1", int(front.url.rpartition(":")[2]))
        for version, seen in (("2026-03-10", newer), ("2022-11-28", self.prism)):
            ask(place, "GET", f"/repos/o/{version}", {"X-GitHub-Api-Version": version}, b"")
            self.assertEqual(seen.paths, [f"/repos/o/{version}"])

    def test_what_is_not_described_goes_past_prism(self):
        for path in ("/_admin/state", "/graphql", "/repos/o/r/actions/jobs/1/logs"):
            self.get(path)
            self.assertEqual(self.standin.paths[-1], path)
        self.assertEqual((self.prism.paths, self.front.outside), ([], 2))


class Versions(unittest.TestCase):
    def described(self):
        pull = {"required": ["id", "assignee", "sha"], "properties": {"id": {}, "assignee": {}, "sha": {}},
                "x-github-breaking-changes": [
                    {"version": "2026-03-10", "patch": {"properties": {"sha": None}, "required": ["id", "assignee"]}},
                    {"version": "2026-03-10", "patch": {"properties": {"assignee": None}, "required": ["id", "sha"]}}]}
        start = {"responses": {"200": {"description": "old"}, "204": {}}, "x-github-breaking-changes": [
            {"version": "2026-03-10", "patch": [{"op": "remove", "path": "/responses/204"},
                                                {"op": "replace", "path": "/responses/200/description", "value": "new"}]}]}
        return {"paths": {"/a": {"post": start}}, "schemas": [pull]}

    def test_changes_of_a_version_are_applied_together(self):
        new = at_version(self.described(), "2026-03-10")
        self.assertEqual((new["schemas"][0]["required"], list(new["schemas"][0]["properties"])), (["id"], ["id"]))
        self.assertEqual(new["paths"]["/a"]["post"]["responses"], {"200": {"description": "new"}})

    def test_later_changes_are_left(self):
        self.assertEqual(at_version(self.described(), "2026-01-01"), self.described())


if __name__ == "__main__":
    unittest.main()
