// The entries of the navigation, in their order. A page that belongs to another (a tab of a topic) has none.

export const navigation = [
  { to: '/', label: 'Overview' },
  { to: '/topics', label: 'Topics' },
  { to: '/groups', label: 'Groups' },
  { to: '/subscriptions', label: 'Subscriptions' },
  { to: '/transactions', label: 'Transactions' },
  { to: '/settings', label: 'Settings' },
] as const;

/** The tabs of one topic. */
export const topicTabs = [
  { to: '/topics/$topic', label: 'Messages' },
  { to: '/topics/$topic/partitions', label: 'Partitions' },
  { to: '/topics/$topic/storage', label: 'Storage' },
  { to: '/topics/$topic/configuration', label: 'Configuration' },
  { to: '/topics/$topic/produce', label: 'Produce' },
] as const;
