#include "tests/unit/store/stores.h"

namespace headrace::store {
namespace {

using Notes = std::vector<std::pair<std::string, std::string>>;

class NotesContract : public OwnedStoreTest {
 protected:
  Notes Load(PartitionId partition) {
    const auto snapshot = store_->Load(partition);
    EXPECT_TRUE(snapshot) << snapshot.error().ToString();
    Notes notes;
    if (snapshot) {
      for (const NoteRow& note : snapshot->notes) notes.emplace_back(note.key, note.record);
    }
    return notes;
  }
};

TEST_P(NotesContract, ThoseThatWereNotDroppedAreLoadedByKey) {
  WriteBatch first = Batch();
  first.notes_put = {{"t/b", "two"}, {"t/a", std::string("o\0ne", 4)}, {"s/x", "shared"}};
  ASSERT_TRUE(Commit(first));
  WriteBatch second = Batch();
  second.notes_put = {{"t/b", "two again"}};
  second.notes_dropped = {"s/x", "never there"};
  ASSERT_TRUE(Commit(second));
  Reopen();
  EXPECT_EQ(Load(0), (Notes{{"t/a", std::string("o\0ne", 4)}, {"t/b", "two again"}}));
}

TEST_P(NotesContract, EachPartitionHasItsOwn) {
  const Epoch other = *store_->Acquire(1);
  WriteBatch here = Batch();
  here.notes_put = {{"k", "here"}};
  ASSERT_TRUE(Commit(here));
  WriteBatch there{.partition = 1, .epoch = other};
  there.notes_put = {{"k", "there"}};
  ASSERT_TRUE(Commit(there));
  WriteBatch drop = Batch();
  drop.notes_dropped = {"k"};
  ASSERT_TRUE(Commit(drop));
  EXPECT_EQ(Load(0), Notes());
  EXPECT_EQ(Load(1), (Notes{{"k", "there"}}));
}

TEST_P(NotesContract, AnOlderEpochChangesNone) {
  WriteBatch put = Batch();
  put.notes_put = {{"k", "kept"}};
  ASSERT_TRUE(Commit(put));
  ASSERT_TRUE(store_->Acquire(0));
  WriteBatch stale = Batch();
  stale.notes_put = {{"k", "stale"}, {"new", "stale"}};
  EXPECT_EQ(Commit(stale).error().code, Code::kAborted);
  WriteBatch drop = Batch();
  drop.notes_dropped = {"k"};
  EXPECT_EQ(Commit(drop).error().code, Code::kAborted);
  EXPECT_EQ(Load(0), (Notes{{"k", "kept"}}));
}

HEADRACE_EVERY_STORE(NotesContract);

}  // namespace
}  // namespace headrace::store
