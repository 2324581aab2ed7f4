//! The sockets of each object, awake or not.
//!
//! Invariant: a lock here is held to insert, remove or copy out, never across a write or an await. A group is there
//! while it has a socket, or an automatic response that its object has set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tickstone_shared::time::Moment;

use super::peer::{Peer, PeerEnding};
use crate::gateway::close_reason::{Ending, RESTARTING, TOO_SLOW};
use crate::id_map::IdMap;
use crate::object::id::{Identity, ObjectId};
use crate::object::peer::{AutoResponse, SocketInfo, SocketRules};
use crate::object::socket::SocketId;

/// The sockets of one object.
pub(in crate::gateway) struct Group {
    /// The object.
    pub(super) object: Identity,
    /// What its class says of its sockets.
    pub(super) rules: Arc<SocketRules>,
    auto_response: RwLock<Option<Arc<AutoResponse>>>,
    /// Since when the sweeper has seen the object awake; 0: it sleeps.
    awake_since: AtomicU64,
    peers: Mutex<IdMap<SocketId, Arc<Peer>>>,
}

/// An object has as many sockets as its class allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) struct GroupFull;

impl Group {
    fn new(object: Identity, rules: Arc<SocketRules>) -> Self {
        let auto_response = rules.auto_response.clone().map(Arc::new);
        Self {
            object,
            rules,
            auto_response: RwLock::new(auto_response),
            awake_since: AtomicU64::new(0),
            peers: Mutex::default(),
        }
    }

    fn peers(&self) -> MutexGuard<'_, IdMap<SocketId, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when the object has been awake, as far as the sweeper has seen.
    pub(super) fn awake_since(&self) -> Moment {
        Moment(self.awake_since.load(Ordering::Relaxed))
    }

    fn note_awake(&self, now: Moment) {
        if self.awake_since.load(Ordering::Relaxed) == 0 {
            self.awake_since.store(now.0.max(1), Ordering::Relaxed);
        }
    }

    /// What is answered for the object.
    pub(super) fn auto_response(&self) -> Option<Arc<AutoResponse>> {
        self.auto_response.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its sockets that have this tag, or all of them, but for some.
    pub(super) fn select(&self, tag: Option<&str>, except: &[SocketId]) -> Vec<Arc<Peer>> {
        let peers = self.peers();
        let chosen = peers.values().filter(|peer| !except.contains(&peer.socket));
        chosen.filter(|peer| tag.is_none_or(|tag| peer.has_tag(tag))).cloned().collect()
    }

    /// Sockets there are.
    pub(super) fn len(&self) -> usize {
        self.peers().len()
    }

    fn is_over(&self) -> bool {
        let own = self.auto_response();
        self.peers().is_empty() && own.as_deref() == self.rules.auto_response.as_ref()
    }
}

/// Every socket of every object.
#[derive(Default)]
pub(in crate::gateway) struct Groups {
    groups: Mutex<IdMap<ObjectId, Arc<Group>>>,
    peers: Mutex<IdMap<SocketId, Arc<Peer>>>,
    /// Sockets the sweeper looks at although their objects sleep: a message of theirs is on its way.
    watched: Mutex<Vec<Arc<Peer>>>,
    /// What objects have said of their sockets, and how much of it has been carried out.
    said: AtomicU64,
    done: AtomicU64,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Groups {
    /// The group of an object; a new one if it has none.
    pub(super) fn group(&self, object: &Identity, rules: &Arc<SocketRules>) -> Arc<Group> {
        let mut groups = lock(&self.groups);
        let new = || Arc::new(Group::new(object.clone(), Arc::clone(rules)));
        Arc::clone(groups.entry(object.id).or_insert_with(new))
    }

    /// A socket has come: one too many is not among the others. Under the lock of the groups, so that its group does
    /// not go in between.
    pub(super) fn enter(
        &self,
        object: &Identity,
        rules: &Arc<SocketRules>,
        make: impl FnOnce(Arc<Group>) -> Arc<Peer>,
    ) -> (Arc<Peer>, Result<(), GroupFull>) {
        let mut groups = lock(&self.groups);
        let new = || Arc::new(Group::new(object.clone(), Arc::clone(rules)));
        let group = Arc::clone(groups.entry(object.id).or_insert_with(new));
        let peer = make(Arc::clone(&group));
        if group.len() >= rules.sockets_max {
            return (peer, Err(GroupFull));
        }
        group.peers().insert(peer.socket, Arc::clone(&peer));
        drop(groups);
        lock(&self.peers).insert(peer.socket, Arc::clone(&peer));
        (peer, Ok(()))
    }

    /// Has an object as many sockets as its class allows?
    pub(in crate::gateway) fn is_full(&self, object: ObjectId, rules: &SocketRules) -> bool {
        self.find(object).map_or(0, |group| group.len()) >= rules.sockets_max
    }

    /// A socket is gone.
    pub(super) fn leave(&self, peer: &Peer) {
        lock(&self.peers).remove(&peer.socket);
        let mut groups = lock(&self.groups);
        peer.group.peers().remove(&peer.socket);
        if peer.group.is_over() {
            groups.remove(&peer.group.object.id);
        }
    }

    /// One socket.
    pub(super) fn peer(&self, socket: SocketId) -> Option<Arc<Peer>> {
        lock(&self.peers).get(&socket).cloned()
    }

    /// The group of an object, if it has one.
    pub(super) fn find(&self, object: ObjectId) -> Option<Arc<Group>> {
        lock(&self.groups).get(&object).cloned()
    }

    /// Has another text answered for an object, or what its class says.
    pub(super) fn set_auto_response(
        &self,
        object: &Identity,
        rules: &Arc<SocketRules>,
        pair: Option<AutoResponse>,
    ) {
        let group = self.group(object, rules);
        let pair = pair.or_else(|| group.rules.auto_response.clone()).map(Arc::new);
        *group.auto_response.write().unwrap_or_else(PoisonError::into_inner) = pair;
        let mut groups = lock(&self.groups);
        if group.is_over() {
            groups.remove(&object.id);
        }
    }

    /// What is known of every socket of an object, by number.
    pub(in crate::gateway) fn infos(&self, object: ObjectId) -> Vec<SocketInfo> {
        let Some(group) = self.find(object) else { return Vec::new() };
        let mut infos: Vec<_> = group.select(None, &[]).iter().map(|peer| peer.info()).collect();
        infos.sort_unstable_by_key(|info| info.socket);
        infos
    }

    /// The object was removed: of the ends of its sockets nobody is told from now on.
    pub(in crate::gateway) fn abandon(&self, object: ObjectId) {
        let group = self.find(object);
        let peers = group.map(|group| group.select(None, &[])).unwrap_or_default();
        peers.iter().for_each(|peer| peer.abandon());
    }

    /// An object has said something of its sockets.
    pub(in crate::gateway) fn note_said(&self) {
        self.said.fetch_add(1, Ordering::AcqRel);
    }

    /// It has been carried out, or given up.
    pub(in crate::gateway) fn note_done(&self) {
        self.done.fetch_add(1, Ordering::AcqRel);
    }

    /// Everything objects have said so far has been carried out.
    pub(super) fn is_told(&self) -> bool {
        self.done.load(Ordering::Acquire) == self.said.load(Ordering::Acquire)
    }

    /// Sockets of which something is to be stored for the next process.
    pub(super) fn to_park(&self) -> Vec<(Arc<Peer>, SocketInfo)> {
        let everyone: Vec<_> = lock(&self.peers).values().cloned().collect();
        everyone.into_iter().filter_map(|peer| peer.to_park().map(|info| (peer, info))).collect()
    }

    /// Has the sweeper look at a socket until nothing of it is on its way.
    pub(super) fn watch(&self, peer: &Arc<Peer>) {
        if peer.watch() {
            lock(&self.watched).push(Arc::clone(peer));
        }
    }

    /// The sockets of objects that are awake. A group whose object sleeps and that has none is forgotten.
    pub(super) fn awake(&self, is_awake: &dyn Fn(&Identity) -> bool, now: Moment, into: &mut Vec<Arc<Peer>>) {
        let groups: Vec<_> = lock(&self.groups).values().cloned().collect();
        for group in groups {
            if is_awake(&group.object) {
                group.note_awake(now);
                into.extend(group.peers().values().cloned());
            } else {
                group.awake_since.store(0, Ordering::Relaxed);
                self.forget_if_empty(&group);
            }
        }
    }

    fn forget_if_empty(&self, group: &Group) {
        let mut groups = lock(&self.groups);
        if group.peers().is_empty() {
            groups.remove(&group.object.id);
        }
    }

    /// The sockets that are watched, which are watched no more.
    pub(super) fn take_watched(&self, into: &mut Vec<Arc<Peer>>) {
        into.append(&mut lock(&self.watched));
        into.iter().for_each(|peer| peer.unwatch());
    }

    /// Every socket is told to come back later.
    pub(in crate::gateway) fn restart(&self) {
        self.end_all(RESTARTING);
    }

    /// A socket has missed a message.
    pub(in crate::gateway) fn condemn(&self, socket: SocketId) {
        if let Some(peer) = self.peer(socket) {
            peer.end(PeerEnding::Gateway(TOO_SLOW));
        }
    }

    /// Nobody knows which sockets have missed a message.
    pub(in crate::gateway) fn condemn_all(&self) {
        self.end_all(TOO_SLOW);
    }

    fn end_all(&self, ending: Ending) {
        let everyone: Vec<_> = lock(&self.peers).values().cloned().collect();
        everyone.iter().for_each(|peer| peer.end(PeerEnding::Gateway(ending)));
    }
}
