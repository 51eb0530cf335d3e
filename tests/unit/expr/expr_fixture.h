// What the tests of expressions share: one context, a fixed time, and tables of (template, expected).
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/expr/template.h"

namespace headrace::expr {

struct Case {
  std::string_view source;
  std::string_view expected;
};

inline const Value& TestContext() {
  static const Value context = *ParseJson(R"({
    "inputs": {"name": "Ada", "count": 3, "ratio": 1.5, "none": null, "empty": "", "yes": true, "no": false,
               "list": [3, 1, 2], "words": ["b", "a"], "map": {"k": "v", "n": {"deep": 7}}, "nolist": [], "nomap": {}},
    "outputs": {"check": {"exitCode": 0}, "my-task": {"value": "dash"}, "each": {"x": {"y": {"value": "xy"}}}},
    "vars": {"template": "{{ inputs.name }}", "twice": "{{ vars.template }}", "self": "{{ render(vars.self) }}",
             "json": "{\"a\": [1, 2]}", "grow": "x{{ vars.grow }}"},
    "flow": {"id": "f", "namespace": "company.team"},
    "taskrun": {"value": "y"},
    "parents": [{"taskrun": {"value": "x"}}],
    "tasks": {"a": {"state": "FAILED"}, "b": {"state": "SUCCESS"}, "c": {"v1": {"state": "FAILED"}, "v2": {"state": "SUCCESS"}}}
  })");
  return context;
}

// 2023-11-14T22:13:20.123456Z.
inline BasicEnvironment TestEnvironment() { return BasicEnvironment(FromMicros(1'700'000'000'123'456), 7); }

// The rendered text, or "ERROR <message>".
inline std::string Render(std::string_view source, const Limits& limits = {}) {
  BasicEnvironment environment = TestEnvironment();
  const auto compiled = Template::Compile(source);
  if (!compiled) return "ERROR " + compiled.error().message;
  const auto text = (*compiled)->RenderText(TestContext(), environment, limits);
  return text ? *text : "ERROR " + text.error().message;
}

// The typed result as JSON, or "ERROR <message>".
inline std::string RenderJson(std::string_view source) {
  BasicEnvironment environment = TestEnvironment();
  const auto compiled = Template::Compile(source);
  if (!compiled) return "ERROR " + compiled.error().message;
  const auto value = (*compiled)->RenderTyped(TestContext(), environment);
  return value ? ToJson(*value) : "ERROR " + value.error().message;
}

inline void ExpectAll(const std::vector<Case>& cases) {
  for (const Case& one : cases) EXPECT_EQ(Render(one.source), one.expected) << one.source;
}

// The render or compilation fails with a message that begins so.
inline void ExpectErrors(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    EXPECT_TRUE(Render(one.source).starts_with("ERROR " + std::string(one.expected)))
        << one.source << "\n  gives " << Render(one.source) << "\n  not   " << one.expected;
  }
}

}  // namespace headrace::expr
