// The tasks headrace.github.* and Kestra's io.kestra.plugin.github.* that are built on look.h.
// Shapes: each function gives the types of one file; the hub is shared by all of a worker.
// Threads: pure. Source: GITHUB 5 and 2.1.
#pragma once

#include <memory>
#include <vector>

#include "worker/github/hub.h"
#include "worker/registry.h"

namespace headrace::worker {

// All of them, with a hub of their own.
std::vector<TaskType> GithubTasks();

namespace github {

using SharedHub = std::shared_ptr<Hub>;

std::vector<TaskType> RefTasks(const SharedHub& hub);      // CheckRef, CreateRef
std::vector<TaskType> RequestTasks(const SharedHub& hub);  // Request, CancelRun
std::vector<TaskType> RunTasks(const SharedHub& hub);      // WaitRun, RunWorkflow, Kestra's RunWorkflow
std::vector<TaskType> PullTasks(const SharedHub& hub);        // EnsurePull
std::vector<TaskType> MergeTasks(const SharedHub& hub);       // MergePull
std::vector<TaskType> ReleaseTasks(const SharedHub& hub);     // EnsureRelease
std::vector<TaskType> CheckTasks(const SharedHub& hub);       // WaitChecks
std::vector<TaskType> DeploymentTasks(const SharedHub& hub);  // ApproveDeployment
std::vector<TaskType> ArtifactTasks(const SharedHub& hub);    // DownloadArtifact
std::vector<TaskType> TokenTasks(const SharedHub& hub);       // AppToken, Kestra's AppToken
std::vector<TaskType> SearchTasks(const SharedHub& hub);      // Kestra's seven searches
std::vector<TaskType> IssueTasks(const SharedHub& hub);       // Kestra's issues.Create, issues.Comment
std::vector<TaskType> ListingTasks(const SharedHub& hub);     // Kestra's actions.GetRun, actions.ListRuns
std::vector<TaskType> CreatePullTasks(const SharedHub& hub);  // Kestra's pulls.Create
std::vector<TaskType> RunTriggers(const SharedHub& hub);      // WorkflowRunTrigger, Kestra's actions.Trigger
std::vector<TaskType> ProjectTasks(const SharedHub& hub);     // Kestra's projects.List

}  // namespace github
}  // namespace headrace::worker
