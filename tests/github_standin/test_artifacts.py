"""Artifacts and logs: a 302 to another host, which wants no credentials and forgets soon."""

import io
import urllib.parse
import zipfile

from github_standin.testing import REPO, RUNS, StandinTest

ARTIFACTS = f"/repos/{REPO}/actions/artifacts"


class ArtifactTest(StandinTest):
    def setUp(self):
        super().setUp()
        self.script(main={"plan": {
            "jobs": [{"name": "tests", "conclusions": ["failure"], "logs": "boom\n"}],
            "artifacts": [{"name": "reports", "files": {"a.xml": "<a/>", "b/c.txt": "c"}},
                          {"name": "old", "expired": True}]}})
        self.run_id = self.start(workflow="main.yml")

    def follow(self, reply, **kw):
        place = urllib.parse.urlsplit(reply.headers["Location"])
        self.assertEqual(place.hostname, "localhost")
        return self.github.get(f"{place.path}?{place.query}", **kw)

    def listed(self, query=""):
        shown = self.github.get(f"{RUNS}/{self.run_id}/artifacts{query}").json
        return {a["name"]: a for a in shown["artifacts"]}

    def test_an_artifact_is_fetched_elsewhere_without_credentials(self):
        found = self.listed("?name=reports")
        self.assertEqual(list(found), ["reports"])
        reply = self.github.get(f"{ARTIFACTS}/{found['reports']['id']}/zip")
        self.assertEqual((reply.status, reply.raw), (302, b""))
        self.assertEqual(self.follow(reply).status, 400)
        data = self.follow(reply, token=None)
        with zipfile.ZipFile(io.BytesIO(data.raw)) as archive:
            self.assertEqual(archive.read("b/c.txt"), b"c")

    def test_the_other_host_is_always_another(self):
        path = f"{ARTIFACTS}/{self.listed()['reports']['id']}/zip"
        for asked, led in (("localhost:8080", "127.0.0.1:8080"), ("api.github.com", "localhost")):
            reply = self.github.get(path, Host=asked)
            self.assertEqual(urllib.parse.urlsplit(reply.headers["Location"]).netloc, led)

    def test_the_link_dies_and_so_does_the_artifact(self):
        number = self.listed()["reports"]["id"]
        reply = self.github.get(f"{ARTIFACTS}/{number}/zip")
        self.advance(61000)
        self.assertEqual(self.follow(reply, token=None).status, 403)
        self.advance(91 * 24 * 3600 * 1000)
        self.assertEqual(self.github.get(f"{ARTIFACTS}/{number}/zip").status, 410)

    def test_an_expired_artifact_is_listed_but_gone(self):
        old = self.listed()["old"]
        self.assertTrue(old["expired"])
        self.assertEqual(self.github.get(f"{ARTIFACTS}/{old['id']}/zip").status, 410)
        self.assertEqual(self.github.get(f"{ARTIFACTS}/1/zip").status, 404)

    def test_logs_of_jobs_and_runs(self):
        job = self.github.get(f"{RUNS}/{self.run_id}/jobs").json["jobs"][0]["id"]
        reply = self.github.get(RUNS.replace("/runs", f"/jobs/{job}/logs"))
        self.assertEqual(self.follow(reply, token=None).raw, b"boom\n")
        self.assertEqual(self.github.get(f"{RUNS}/{self.run_id}/logs").status, 302)
        gone = self.start(workflow="main.yml", plan={"logs_expired": True})
        self.assertEqual(self.github.get(f"{RUNS}/{gone}/logs").status, 410)
