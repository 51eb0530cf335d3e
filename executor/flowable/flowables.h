// Every steered type, one accessor each; the registry in steered_type.cc lists them.
// Threads: immutable objects that live as long as the program.
#pragma once

#include "executor/steered_type.h"

namespace headrace::executor {

const SteeredType& SequentialType();
const SteeredType& ParallelType();
const SteeredType& AllowFailureType();
const SteeredType& IfType();
const SteeredType& SwitchType();
const SteeredType& LoopUntilType();
const SteeredType& ForEachType();
const SteeredType& EachSequentialType();
const SteeredType& EachParallelType();
const SteeredType& LoopType();
const SteeredType& DagType();
const SteeredType& PauseType();
const SteeredType& SubflowType();
// The parts of a ForEachItem.
const SteeredType& ForEachItemType();
const SteeredType& ItemsType();
const SteeredType& BatchType();
const SteeredType& MergeOutputsType();
const SteeredType& TemplateType();
const SteeredType& LabelsType();
const SteeredType& SetVariablesType();
const SteeredType& UnsetVariablesType();
const SteeredType& ExitType();

}  // namespace headrace::executor
