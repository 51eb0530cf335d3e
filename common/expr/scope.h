// The variables of one render: what set, for and macro define.
// Shapes: names are views into the syntax tree. A barrier hides outer variables (macro) or keeps `set` from changing
//   them (a block printed inside an expression).
#pragma once

#include <deque>
#include <string_view>
#include <vector>

#include "common/expr/operand.h"

namespace headrace::expr {

class Scopes {
 public:
  enum class Wall : std::uint8_t { kNone, kWrites, kAll };

  void Push(Wall wall) { frames_.push_back({variables_.size(), wall}); }
  void Pop() {
    while (variables_.size() > frames_.back().begin) variables_.pop_back();
    frames_.pop_back();
  }

  const Operand* Find(std::string_view name) const {
    if (variables_.empty()) return nullptr;
    std::size_t frame = frames_.size();
    for (std::size_t i = variables_.size(); i > 0; --i) {
      while (frame > 0 && frames_[frame - 1].begin >= i) {
        if (frames_[frame - 1].wall == Wall::kAll) return nullptr;
        --frame;
      }
      if (variables_[i - 1].name == name) return &variables_[i - 1].operand;
    }
    return nullptr;
  }

  // In the innermost scope, whatever outer ones hold.
  void Define(std::string_view name, Operand operand) {
    for (std::size_t i = FrameBegin(); i < variables_.size(); ++i) {
      if (variables_[i].name == name) {
        variables_[i].operand = std::move(operand);
        return;
      }
    }
    variables_.push_back({name, std::move(operand)});
  }

  // Changes the nearest variable of that name up to the next wall, or defines it here.
  void Set(std::string_view name, Operand operand) {
    std::size_t end = 0;
    for (std::size_t frame = frames_.size(); frame > 0; --frame) {
      end = frames_[frame - 1].begin;
      if (frames_[frame - 1].wall != Wall::kNone) break;
      end = 0;
    }
    for (std::size_t i = variables_.size(); i > end; --i) {
      if (variables_[i - 1].name == name) {
        variables_[i - 1].operand = std::move(operand);
        return;
      }
    }
    variables_.push_back({name, std::move(operand)});
  }

 private:
  struct Variable {
    std::string_view name;
    Operand operand;
  };
  struct Frame {
    std::size_t begin;
    Wall wall;
  };
  std::size_t FrameBegin() const { return frames_.empty() ? 0 : frames_.back().begin; }

  std::deque<Variable> variables_;  // a deque keeps references to outer variables valid
  std::vector<Frame> frames_;
};

}  // namespace headrace::expr
