// Who lives in the fake space, and what they say. Not shipped.

import type { RoomRole } from '../bindings/RoomRole'

export interface FakePerson {
  id: string
  username: string
  name: string
  available: boolean
}

export const self: FakePerson = { id: 'u-mira', username: 'mira', name: 'Mira Lindqvist', available: true }
export const jonas: FakePerson = { id: 'u-jonas', username: 'jonas', name: 'Jonas Weber', available: true }
export const lihua: FakePerson = { id: 'u-lihua', username: 'lihua', name: '李华', available: true }
export const amara: FakePerson = { id: 'u-amara', username: 'amara', name: 'Amara Okafor', available: false }
export const tomasz: FakePerson = { id: 'u-tomasz', username: 'tomasz', name: 'Tomasz', available: true }
export const everybody: FakePerson[] = [self, jonas, lihua, amara, tomasz]

export interface FakeRoom {
  id: string
  name: string
  topic: string
  direct?: FakePerson
  members: [FakePerson, RoomRole][]
  invited?: boolean
}

export const rooms: FakeRoom[] = [
  {
    id: 'r-living',
    name: 'Living room',
    topic: 'Whatever is on your mind',
    members: [
      [self, 'owner'],
      [jonas, 'moderator'],
      [lihua, 'member'],
      [amara, 'member'],
    ],
  },
  {
    id: 'r-garden',
    name: 'Garden plans',
    topic: 'Beds, seeds and who waters in July',
    members: [
      [self, 'member'],
      [amara, 'owner'],
      [lihua, 'member'],
    ],
  },
  {
    id: 'r-books',
    name: '读书会',
    topic: '每月一本，边读边聊',
    members: [
      [self, 'member'],
      [lihua, 'owner'],
    ],
  },
  {
    id: 'd-jonas',
    name: 'Jonas Weber',
    topic: '',
    direct: jonas,
    members: [
      [self, 'member'],
      [jonas, 'member'],
    ],
  },
  {
    id: 'd-lihua',
    name: '李华',
    topic: '',
    direct: lihua,
    members: [
      [self, 'member'],
      [lihua, 'member'],
    ],
  },
  {
    id: 'r-boat',
    name: 'The boat',
    topic: 'Repairs and berths',
    invited: true,
    members: [[jonas, 'owner']],
  },
]

type Line = [FakePerson, string]

/** Said by day, oldest first; the last day is today. */
export const talk: Record<string, Line[][]> = {
  'r-living': [
    [
      [amara, 'Has anybody seen my green scarf? I think I left it at the lake house.'],
      [self, 'It is on the hook by the door. I will bring it on Sunday.'],
      [amara, 'You are the best.'],
    ],
    [
      [jonas, 'The bread turned out well this time. The trick really is the second rise.'],
      [jonas, 'Next week: rye. Wish me luck.'],
      [lihua, '看起来太好吃了！能教我吗？周末我带茶过去。'],
      [self, '好呀，周六下午怎么样？ Jonas, bring the starter and I’ll clear the kitchen table.'],
      [jonas, 'Deal. Saturday at three.'],
    ],
    [
      [lihua, 'Morning! The mist over the harbour is unreal today.'],
      [lihua, 'I took the long way to work just to look at it a little longer.'],
      [jonas, 'Jealous. All I see from here is the car park, and a very self-satisfied cat.'],
      [self, 'Please describe the cat.'],
      [
        jonas,
        'Grey, round, sits on the warm bonnet of whoever came home last. It has a schedule, and everybody in the building knows it better than the bus times.',
      ],
      [self, 'So, a professional.'],
      [lihua, '哈哈，真羡慕它。'],
      [jonas, 'Call tonight? I want to hear about the trip.'],
    ],
  ],
  'r-garden': [
    [
      [
        amara,
        'Seeds are here: tomatoes, chard, two kinds of beans, and the marigolds that nobody admits ordering.',
      ],
      [lihua, 'The marigolds were me. They keep the beetles away.'],
      [amara, 'Then they are officially on the plan.'],
    ],
  ],
  'r-books': [
    [
      [lihua, '这个月读《边城》，大家觉得怎么样？'],
      [self, '好，我已经翻出来了，这周末开始读。'],
    ],
  ],
  'd-jonas': [
    [
      [jonas, 'Did the package arrive?'],
      [self, 'Yes! It is already on the shelf. Thank you.'],
    ],
  ],
  'd-lihua': [
    [
      [self, '周六见！'],
      [lihua, '周六见，我带龙井。'],
    ],
  ],
}

/** What comes by itself while somebody looks. */
export const chatter: Line[] = [
  [lihua, 'By the way, the tea shop has the good oolong again.'],
  [jonas, 'Get two. I’ll pay you back in bread.'],
  [lihua, '成交！'],
]

/** What is answered to whatever is written. */
export const answers = [
  'Sounds good to me.',
  'Ha! Tell me more tonight.',
  '好主意，就这么办。',
  'I’ll be there.',
]
